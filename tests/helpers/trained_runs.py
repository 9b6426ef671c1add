"""A run directory as training and evaluation leave it, of an untrained tiny network of faces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from dcign_tf.evaluation.scores import SCHEMA_VERSION
from dcign_tf.evaluation.showcase import EXAMPLES_FOLDER
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from dcign_tf.readouts.familiarity import Familiarity
from dcign_tf.readouts.identities import IDENTITIES_FILE, IdentityDistribution
from dcign_tf.runs.directory import RunDirectory
from tests.helpers.tiny import tiny_model

SIZE, LATENTS, STEP = 20, 8, 7
SCORES = {
    "schema_version": SCHEMA_VERSION,
    "split": "test",
    "step": STEP,
    "reconstruction_mse": 0.0123,
    "num_sweeps": {"azimuth": 3},
    "factors": {"azimuth": {"own_share": 0.875}},
    "movement": {"groups": ["azimuth"], "factors": ["azimuth"], "variance": [[1.0]]},
    "why_null": {},
}
RANGES_DEG = {"azimuth": 60.0, "elevation": 25.0, "light_azimuth": 80.0}


def calibrated_model() -> DCIGN:
    """Calibrated by hand; its pictures change visibly with its latents; it knows no black one."""
    model = tiny_model(code=GraphicsCode.faces(LATENTS), image_shape=(SIZE, SIZE, 1), step=STEP)
    logits = model.decoder.get_layer("logits")
    kernel, bias = logits.get_weights()
    logits.set_weights([40 * kernel, bias])
    factors = {name: _linear(f"{name}_deg", most) for name, most in RANGES_DEG.items()}
    limits = Familiarity((0.0,) * LATENTS, (1.0,) * LATENTS, most_distance=1.0, most_error=0.45)
    model.calibration = Calibration(factors, step=STEP, familiarity=limits)
    return model


def _linear(name: str, most: float) -> FactorCalibration:
    """A latent of -2 stands for the lowest value, one of 2 for the highest."""
    ends, latents = (-most, most), (-2.0, 2.0)
    return FactorCalibration(
        name,
        read_latents=latents,
        read_values=ends,
        read_errors=(3.0, 4.0),
        write_values=ends,
        write_latents=latents,
    )


def write_run(folder: Path) -> tuple[RunDirectory, DCIGN]:
    """Everything that is used of a run afterwards, but no shape read-out."""
    run, model = RunDirectory(folder), calibrated_model()
    examples = run.evaluation / EXAMPLES_FOLDER
    examples.mkdir(parents=True)
    run.last_checkpoint.parent.mkdir()
    model.save(run.last_checkpoint)
    config = {
        "dataset": "faces",
        "preset": "quick",
        "face_model": None,
        "data": {"image_size": SIZE, "channels": 1},
        "data_dir": "/somewhere",
        "init_from": "/elsewhere",
        "network": {"encoder_filters": [4, 6]},
        "procedure": "clamped",
        "seed": 0,
        "num_steps": STEP,
    }
    run.config_file.write_text(json.dumps(config))
    command = "python train.py --dataset=faces --data_dir=/somewhere --config.seed=0"
    environment = {"tensorflow": "2.21.0", "command": command, "data_fingerprint": "some"}
    run.environment_file.write_text(json.dumps(environment))
    for name, content in (("scores", SCORES), ("calibration", {})):
        (run.evaluation / f"{name}.json").write_text(json.dumps(content))
    rng = np.random.default_rng(0)
    IdentityDistribution.fitted(rng.normal(size=(50, LATENTS - 3)), STEP).save(
        run.evaluation / IDENTITIES_FILE
    )
    for number in (1, 2):
        write_picture(examples / f"example{number}.png", seed=number)
    return run, model


def write_picture(path: Path, seed: int, size: tuple[int, int] = (SIZE, SIZE)) -> None:
    """Blurred noise: unlike any other seed's."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 5), np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    small.resize(size, Image.Resampling.BICUBIC).save(path)
