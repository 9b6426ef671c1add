"""The public face of the metrics: what it offers, and what it does not import."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

import pytest

from dcign_tf.evaluation import metrics


def test_the_example_gives_what_it_says():
    failed, attempted = doctest.testmod(metrics)
    assert attempted > 5
    assert not failed


def test_every_name_is_a_documented_function_of_its_own_module():
    assert dir(metrics) == metrics.__all__
    for name in metrics.__all__:
        function = getattr(metrics, name)
        assert function.__doc__, name
        assert function.__module__.startswith(metrics.__name__), name
        # A module of that name would take the function's place as soon as it is imported.
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"{metrics.__name__}.{name}")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'mean_opinion'"):
        _ = metrics.mean_opinion


@pytest.mark.parametrize(
    ("use", "banned"),
    [
        ("import dcign_tf.evaluation.metrics", {"tensorflow", "keras", "matplotlib", "sklearn"}),
        ("from dcign_tf.metrics import psnr", {"tensorflow", "keras", "matplotlib", "sklearn"}),
        (
            "from dcign_tf.evaluation import metrics as m; [getattr(m, n) for n in m.__all__]",
            {"tensorflow", "keras", "matplotlib", "PIL"},
        ),
    ],
)
def test_metrics_need_arrays_alone(use, banned):
    code = f"{use}; import sys; print(sorted({banned!r} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_they_have_a_public_name():
    from dcign_tf import metrics as public

    assert public.__all__ == metrics.__all__ == dir(public)
    assert public.psnr is metrics.psnr
    assert doctest.testmod(public).failed == 0
