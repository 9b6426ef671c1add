"""Models are loaded from files that name modules which are no longer there."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path

import numpy as np

from dcign_tf.pretrained import pretrained_run
from dcign_tf.runs.checkpoints import load_model
from tests.helpers.tiny import tiny_batch, tiny_model

CONFIG = "config.json"  # in Keras's zip file


def with_modules(file: Path, modules: dict[str, str]) -> None:
    """Rewrites a `.keras` file so that its config names other modules."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts[CONFIG].decode()
    for now, before in modules.items():
        assert f'"{now}"' in text
        text = text.replace(f'"{now}"', f'"{before}"')
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**parts, CONFIG: text}.items():
            archive.writestr(name, content)


def test_a_file_from_before_the_modules_moved(tmp_path):
    model, images = tiny_model(), tiny_batch("azimuth", seed=9)["image"]
    file = tmp_path / "last.keras"
    model.save(file)
    before = {
        "dcign_tf.model.dcign": "dcign_tf.model",
        "dcign_tf.model.layers": "dcign_tf.layers",
    }
    with_modules(file, before)
    loaded = load_model(file)
    np.testing.assert_array_equal(loaded(images), model(images))


def modules_of(config: object) -> set[str]:
    """Every `module` that a Keras config names."""
    if isinstance(config, dict):
        own = {config["module"]} if isinstance(config.get("module"), str) else set()
        return own.union(*map(modules_of, config.values()))
    return set().union(*map(modules_of, config)) if isinstance(config, list) else set()


def test_the_model_in_the_box_is_such_a_file():
    file = pretrained_run().last_checkpoint
    with zipfile.ZipFile(file) as archive:
        modules = modules_of(json.loads(archive.read(CONFIG)))
    assert {"dcign_tf.model", "dcign_tf.layers"} <= modules
    assert importlib.util.find_spec("dcign_tf.layers") is None
    model = load_model(file)
    picture = np.zeros((1, 150, 150, 1), np.float32)
    assert np.ptp(model.rerender(picture, azimuth_deg=20)) > 0.1
