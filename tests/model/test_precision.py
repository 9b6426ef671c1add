"""Precision: what `auto` means on which machine, and why it says so."""

from __future__ import annotations

import pathlib
import platform

import pytest
import tensorflow as tf

from dcign_tf.model import precision
from dcign_tf.model.precision import cpu_flags, resolve_precision


@pytest.fixture
def machine(monkeypatch):
    """Pretends to be on a machine with these GPUs and CPU flags."""

    def pretend(gpus=(), flags=()):
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(gpus))
        monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset(flags))

    return pretend


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16", "bf16"])
def test_auto_is_bfloat16_where_the_cpu_has_it(machine, flag):
    machine(flags=["sse2", flag])
    policy, reason = resolve_precision("auto")
    assert policy == "mixed_bfloat16"
    assert flag in reason


def test_auto_is_float32_on_other_cpus(machine):
    machine(flags=["avx2", "avx512f", "avx512_fp16"])
    policy, reason = resolve_precision("auto")
    assert policy == "float32"
    assert "no bfloat16" in reason


def test_auto_is_float16_on_gpus_whatever_the_cpu_has(machine):
    machine(gpus=["GPU:0"], flags=["avx512_bf16"])
    assert resolve_precision("auto") == ("mixed_float16", "a GPU is visible")


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_what_is_asked_for_is_kept_on_any_machine(machine, name):
    for gpus in ([], ["GPU:0"]):
        machine(gpus=gpus, flags=["avx512_bf16"])
        assert resolve_precision(name) == (name, "as asked for")


@pytest.mark.parametrize("name", ["float16", "bfloat16", "", "AUTO"])
def test_rejects_other_names(name):
    with pytest.raises(ValueError, match=f"'{name}'; it is one of auto, float32, mixed_bfloat16"):
        resolve_precision(name)


CPUINFO = {
    "x86": "processor\t: 0\nflags\t\t: fpu avx512_bf16 avx2\nbugs\t\t: spectre_v1\n\n"
    "processor\t: 1\nflags\t\t: fpu avx512_bf16 avx2\n",
    "arm": "processor\t: 0\nFeatures\t: fp asimd bf16\nCPU part\t: 0xd40\n",
    "none": "processor\t: 0\n",
}


@pytest.mark.parametrize(
    ("cpu", "flags"),
    [("x86", {"fpu", "avx512_bf16", "avx2"}), ("arm", {"fp", "asimd", "bf16"}), ("none", set())],
)
def test_flags_as_linux_lists_them(monkeypatch, cpu, flags):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(pathlib.Path, "read_text", lambda path, **_: CPUINFO[cpu])
    assert cpu_flags.__wrapped__() == flags


def test_no_flags_are_known_elsewhere(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert cpu_flags.__wrapped__() == frozenset()
