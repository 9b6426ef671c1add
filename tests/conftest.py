"""What several test modules share: fixtures, and how talkative and how patient they are."""

from __future__ import annotations

import gc
import os
import warnings

import hypothesis
import pytest

# What commands show is compared: let them be as talkative as a user finds them.
os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)

# Times say more about what else runs on the machine than about the code.
hypothesis.settings.register_profile("no_deadline", deadline=None)
hypothesis.settings.load_profile("no_deadline")


def pytest_collection_finish(session):
    """What comes before any test runs.

    The CPU is split in two for the tests that ask for it: logical devices must be set before
    TensorFlow makes its first tensor. And what libraries have brought is no longer searched for
    garbage, which takes seconds each time.
    """
    gc.freeze()
    if any("mirrored_strategy" in getattr(item, "fixturenames", ()) for item in session.items):
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, halves)


@pytest.fixture(scope="session")
def mirrored_strategy():
    """Two replicas on two logical devices of one CPU."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def set_dtype_policy():
    """Sets Keras's global dtype policy until the end of the test."""
    import keras

    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


@pytest.fixture
def flags_of():
    """Defines the flags of a command, until the end of the test.

    To run a command in this process: starting Python and TensorFlow takes longer than
    most of them do.
    """
    # It defines flags of its own as it is loaded, and once: they are not to go with the test.
    import array_record.python.array_record_data_source  # noqa: F401
    from absl.testing import flagsaver

    with flagsaver.flagsaver():
        yield lambda command: [define() for define in command.flags]


@pytest.fixture
def no_warnings():
    """What is not defined is NaN, without a warning: a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def undrawn_figures(monkeypatch):
    """An evaluation's figures are files of one pixel: to draw them is most of its work."""
    from PIL import Image

    from dcign_tf.evaluation import evaluate

    monkeypatch.setattr(evaluate, "save_figure", lambda _, path: Image.new("L", (1, 1)).save(path))
