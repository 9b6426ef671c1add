"""What several test modules share: dtype policies and two logical CPU devices."""

from __future__ import annotations

import hypothesis
import pytest

# Times say more about what else runs on the machine than about the code.
hypothesis.settings.register_profile("no_deadline", deadline=None)
hypothesis.settings.load_profile("no_deadline")


def pytest_collection_finish(session):
    """Splits the CPU in two for the tests that ask for it.

    Logical devices must be set before TensorFlow makes its first tensor, so before
    any test runs.
    """
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
