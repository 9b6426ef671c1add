"""What shapes are estimated with: a run with an untrained network and a made-up read-out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from dcign_tf.datasets.pictures import fit_picture
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN
from dcign_tf.readouts.face_shape import READOUT_FILE, ShapeReadout
from dcign_tf.rendering.head import procedural_head
from dcign_tf.runs.directory import RunDirectory
from tests.helpers.tiny import tiny_model

SIZE, LATENTS = 20, 6


def write_run_with_readout(folder: Path) -> tuple[RunDirectory, DCIGN]:
    """An evaluated run, as far as the estimation of shapes looks at it."""
    run = RunDirectory(folder)
    run.evaluation.mkdir(parents=True)
    run.last_checkpoint.parent.mkdir()
    code = GraphicsCode.faces(LATENTS)
    model = tiny_model(code=code, image_shape=(SIZE, SIZE, 1), step=7)
    model.save(run.last_checkpoint)
    config = {
        "dataset": "faces",
        "preset": "quick",
        "face_model": None,
        "data": {"image_size": SIZE, "channels": 1},
        "data_dir": "data",
    }
    run.config_file.write_text(json.dumps(config))
    head, rng = procedural_head(), np.random.default_rng(0)
    ShapeReadout(
        weights=rng.normal(0, 5, (LATENTS - 3, head.num_coefficients)).astype(np.float32),
        intercept=rng.normal(0, 0.5, head.num_coefficients).astype(np.float32),
        alpha=1.0,
        num_images=10,
        num_identities=5,
        first_latent=3,
        face_model=head.fingerprint,
        step=7,
    ).save(run.evaluation / READOUT_FILE)
    return run, model


def write_jpeg(path: Path) -> Path:
    """A picture that is not square, in colour, larger than the network's square."""
    noise = np.random.default_rng(1).integers(0, 256, (40, 33, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def expected_coefficients(run: RunDirectory, model: DCIGN, picture: Path) -> np.ndarray:
    image = fit_picture(picture, image_size=SIZE, channels=1)[np.newaxis] / np.float32(255)
    code = model.encode(image.astype(np.float32))[0].numpy()
    readout = ShapeReadout.load(run.evaluation / READOUT_FILE)
    return code[0, 3:] @ readout.weights + readout.intercept
