"""A small run that can be exported: random weights, calibrated by hand."""

from __future__ import annotations

import json
import pathlib

import keras
import numpy as np

from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.networks import build_decoder, build_encoder
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from dcign_tf.readouts.familiarity import Familiarity
from dcign_tf.readouts.leakage import Leakage
from dcign_tf.runs.directory import RunDirectory

SHAPE = (37, 37, 1)
LATENTS = 6
STEP = 7
CONFIG = {
    "dataset": "manifest",
    "preset": "quick",
    "data_dir": "data",
    "procedure": "clamped",
    "seed": 3,
    "data": {
        "image_size": SHAPE[0],
        "channels": 1,
        "background": 40,
        "fit": "contain",
        "hold_out": "identities",
    },
    "batches_per_step": 1,
    "latents_per_factor": [1],
    "beta": 1.0,
}

_LINE = {"read_latents": (-2.0, 2.0), "write_latents": (-2.0, 2.0), "read_errors": (3.0, 5.0)}

FAMILIARITY = Familiarity((0.5,) * LATENTS, (2.0,) * LATENTS, most_distance=1.5, most_error=0.6)

_RNG = np.random.default_rng(1)
LEAKAGE = Leakage.of(_RNG.normal(size=LATENTS), 1.0, _RNG.normal(size=(LATENTS, LATENTS - 2)))


def calibration(**changes: FactorCalibration) -> Calibration:
    """Azimuth −60° to 60° and distance 1 to 3, straight lines."""
    factors = {
        "azimuth": FactorCalibration(
            "azimuth_deg", read_values=(-60.0, 60.0), write_values=(-60.0, 60.0), **_LINE
        ),
        "distance": FactorCalibration(
            "distance_value", read_values=(1.0, 3.0), write_values=(1.0, 3.0), **_LINE
        ),
    }
    leakage = {"azimuth": LEAKAGE}
    return Calibration(factors | changes, step=STEP, familiarity=FAMILIARITY, leakage=leakage)


def small_model(policy: str = "float32") -> DCIGN:
    """A model of two extrinsic factors whose weights are large enough to show."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        keras.utils.set_random_seed(0)
        encoder = build_encoder(SHAPE, LATENTS, filters=(4, 5, 6))
        decoder = build_decoder(SHAPE, LATENTS, 4, filters=(5, 6))
        code = GraphicsCode.with_intrinsic(("azimuth", "distance"), LATENTS)
        model = DCIGN(encoder, decoder, code, calibration=calibration())
    finally:
        keras.config.set_dtype_policy(before)
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(scale=0.2, size=weight.shape))
    model.step.assign(STEP)
    return model


def small_run(path: pathlib.Path, model: DCIGN) -> RunDirectory:
    """A run directory with what an export looks at."""
    run = RunDirectory(path)
    run.last_checkpoint.parent.mkdir(parents=True)
    model.save(run.last_checkpoint)
    run.config_file.write_text(json.dumps(CONFIG))
    run.environment_file.write_text(json.dumps({"precision": "float32", "tensorflow": "2.21.0"}))
    return run


def images(count: int, seed: int = 0) -> np.ndarray:
    """float32 [count, H, W, C] in [0, 1]."""
    return np.random.default_rng(seed).random((count, *SHAPE), np.float32)
