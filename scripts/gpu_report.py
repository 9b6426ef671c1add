"""Prints all that a GPU can show of this project, in some ten minutes, as Markdown.

    python scripts/gpu_report.py > gpu_report.md
    python scripts/gpu_report.py --minutes=3 --no_tests    # less of it

What fails is told, and the rest goes on. Wants `pip install -e '.[test,cuda]'`, and PyTorch if the
step is to stand beside PyTorch's.

Not run on a GPU yet: written on a machine that has none, and tried there with --anyway.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PYTHON = sys.executable
# TensorFlow takes all of a card unless it is told to grow, and PyTorch needs some of it.
_ENVIRONMENT = {**os.environ, "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
_MACHINE = """
import platform, tensorflow as tf, keras
build = tf.sysconfig.get_build_info()
print("Python", platform.python_version(), "TensorFlow", tf.__version__, "Keras", keras.__version__)
print("CUDA", build.get("cuda_version"), "cuDNN", build.get("cudnn_version"), "of the build")
for gpu in tf.config.list_physical_devices("GPU"):
    print(gpu.name, tf.config.experimental.get_device_details(gpu))
"""


def section(title: str, command: list[str], seconds: float) -> bool:
    """Prints what a command prints; returns whether it went well."""
    print(f"\n## {title}\n", flush=True)
    if "-c" not in command:
        print(f"`{' '.join(command).replace(PYTHON, 'python')}`\n", flush=True)
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=_ENVIRONMENT,
            timeout=seconds,
            capture_output=True,
            encoding="utf-8",
        )
    except subprocess.TimeoutExpired as late:
        print(_text(late.stdout))
        print(f"\nStopped after {seconds:.0f} s; its last lines:\n")
        print(_last_lines(late.stderr))
        return False
    except FileNotFoundError as missing:
        print(missing)
        return False
    print(done.stdout.strip())
    if done.returncode:
        print(f"\nExit status {done.returncode}; its last lines:\n")
        print(_last_lines(done.stderr))
    print(f"\n{time.monotonic() - started:.0f} s.", flush=True)
    return not done.returncode


def _text(told: str | bytes | None) -> str:
    """What a command that was stopped had told is in bytes, whatever was asked for."""
    return told.decode(errors="replace") if isinstance(told, bytes) else told or ""


def _last_lines(told: str | bytes | None) -> str:
    return "\n".join("    " + line for line in _text(told).strip().splitlines()[-15:])


def losses_and_scale(workdir: pathlib.Path) -> None:
    """A line for each logged step of a training."""
    file = workdir / "metrics.jsonl"
    if not file.exists():
        return
    print("\n| step | loss | images/s | loss scale | validation ELBO |\n|---|---|---|---|---|")
    for line in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        if "loss" in line:
            keys = ("step", "loss", "images_per_second", "loss_scale", "val_elbo")
            print(
                "| " + " | ".join(f"{line[key]:,.5g}" if key in line else "" for key in keys), "|"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="in all, roughly")
    parser.add_argument("--data_dir", default="data", help="where faces lie, or are rendered")
    parser.add_argument("--steps", type=int, default=2000, help="of the short training")
    parser.add_argument("--no_tests", action="store_true")
    parser.add_argument("--anyway", action="store_true", help="without a GPU, to try the script")
    options = parser.parse_args()
    started, budget = time.monotonic(), 60 * options.minutes

    def left(share: float) -> float:
        """Seconds that a section may take: this share of what is left."""
        return max(30.0, share * (budget - (time.monotonic() - started)))

    gpus = 'import tensorflow as tf; raise SystemExit(not tf.config.list_physical_devices("GPU"))'
    if subprocess.run([PYTHON, "-c", gpus], capture_output=True).returncode and not options.anyway:
        print(
            "TensorFlow sees no GPU here; --anyway tries the script without one.", file=sys.stderr
        )
        return 1
    print("# What a GPU showed")
    results = [
        section("The card", ["nvidia-smi"], 30),
        section("The software", [PYTHON, "-c", _MACHINE], 120),
    ]
    if not options.no_tests:
        tests = [PYTHON, "-m", "pytest", "-q", "-m", "gpu", "tests/model"]
        results.append(section("The tests that need a GPU", tests, left(0.3)))
    step = [PYTHON, "-m", "benchmarks.train_step", "--steps=20"]
    paper, best = [*step, "--preset=paper"], [*step, "--preset=best", "--batch_size=32"]
    results.append(section("The paper's step", [*paper, "--nopytorch"], left(0.25)))
    results.append(section("The best preset's step", [*best, "--nopytorch"], left(0.3)))
    for how, by_xla, share in (("by XLA", "true", 0.4), ("without XLA", "false", 0.5)):
        with tempfile.TemporaryDirectory() as folder:
            workdir = pathlib.Path(folder) / "run"
            training = [
                *(PYTHON, "train.py", "--dataset=faces", "--preset=quick", f"--workdir={workdir}"),
                *(f"--data_dir={options.data_dir}", "--config.precision=mixed_float16"),
                *(f"--config.num_steps={options.steps}", "--config.log_every=100"),
                f"--config.jit_compile={by_xla}",
            ]
            results.append(section(f"A short training in float16, {how}", training, left(share)))
            losses_and_scale(workdir)
    if importlib.util.find_spec("torch"):  # last: to compile takes minutes
        results.append(section("The paper's step beside PyTorch", paper, left(1.0)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
