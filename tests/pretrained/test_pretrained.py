"""Packing a run, and loading what comes with the package, on an untrained tiny network."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import shutil
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

import dcign_tf
from dcign_tf import pretrained
from dcign_tf.errors import UserError
from dcign_tf.pretrained import packing
from dcign_tf.readouts.face_shape import READOUT_FILE, ShapeReadout
from dcign_tf.readouts.identities import IDENTITIES_FILE
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import training_command
from tests.helpers.trained_runs import LATENTS, SCORES, SIZE, STEP, calibrated_model, write_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def packed(trained, tmp_path_factory) -> RunDirectory:
    output = tmp_path_factory.mktemp("packed") / "faces"
    lines: list[str] = []
    packing.pack(trained[0], output, show=lines.append)
    assert re.match(rf"{re.escape(str(output))}: [\d.]+ kB; no pixel differs", lines[0])
    return RunDirectory(output)


@pytest.fixture
def run(trained, tmp_path) -> RunDirectory:
    """A copy that a test may spoil."""
    return RunDirectory(shutil.copytree(trained[0].path, tmp_path / "run"))


def random_images(number: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(number, SIZE, SIZE, 1)).astype(np.float32)


def test_the_same_pictures_from_half_the_weights(trained, packed):
    """Through the public name, of a model that lies where the package's own do."""
    original, images = trained[1], random_images(20)
    model = load_model(packed.last_checkpoint)
    difference = np.abs(model(images).numpy() - original(images).numpy())
    assert 0 < difference.max() <= 1 / 255
    assert {v.dtype for v in model.weights} == {"float32", "int64"}
    with (
        zipfile.ZipFile(packed.last_checkpoint) as archive,
        archive.open("model.weights.h5") as file,
        h5py.File(file) as weights,
    ):
        dtypes = set()
        weights.visititems(lambda _, node: dtypes.add(getattr(node, "dtype", None)))
    assert dtypes == {None, np.dtype(np.float16), np.dtype(np.int64)}
    assert getattr(model, "optimizer", None) is None
    assert model.calibration == original.calibration
    assert model.step.numpy() == STEP


def test_load_pretrained(packed, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", packed.path.parent)
    model = dcign_tf.load_pretrained("faces")
    scene = model.infer_scene(random_images(2))
    assert scene["azimuth_deg"].shape == (2,)
    with pytest.raises(UserError, match=r"No model 'chairs' comes .*\(there is faces\)"):
        dcign_tf.load_pretrained("chairs")


def test_what_is_packed_is_a_run_without_what_only_training_needs(packed):
    files = {p.relative_to(packed.path).as_posix() for p in packed.path.rglob("*") if p.is_file()}
    assert files == {
        "config.json",
        "environment.json",
        "model_card.md",
        "photograph.png",
        "checkpoints/last.keras",
        "evaluation/scores.json",
        "evaluation/calibration.json",
        "evaluation/identities.npz",
        "evaluation/examples/example1.png",
        "evaluation/examples/example2.png",
    }
    config = packed.read_config()
    assert (config["data_dir"], config["init_from"]) == ("data", None)
    assert config["num_steps"] == STEP
    environment = packed.read_environment()
    assert environment["command"] == "python train.py --dataset=faces --config.seed=0"
    assert environment["tensorflow"] == "2.21.0"
    assert [p.name for p in packed.path.parent.iterdir()] == ["faces"]


def test_a_shape_readout_is_packed_along(run, tmp_path):
    weights = np.zeros((LATENTS - 3, 5), np.float32)
    readout = ShapeReadout(weights, weights[0], alpha=1.0, num_images=4, num_identities=2)
    readout.save(run.evaluation / READOUT_FILE)
    packing.pack(run, tmp_path / "packed", show=lambda line: None)
    copy = tmp_path / "packed" / "evaluation" / READOUT_FILE
    assert copy.read_bytes() == (run.evaluation / READOUT_FILE).read_bytes()


@pytest.mark.parametrize("name", [IDENTITIES_FILE, READOUT_FILE])
def test_what_is_damaged_is_not_packed(run, tmp_path, name):
    (run.evaluation / name).write_bytes(b"no arrays")
    with pytest.raises(UserError, match=rf"{name} is damaged .*dcign-tf evaluate makes"):
        packing.pack(run, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_what_a_training_began_with_is_told(run, tmp_path):
    trained_before = [
        {"command": "dcign-tf train --config.face_model=/there", "step": 4000, "commit": "a40db10"},
        {"command": "dcign-tf train --init_from=/there", "step": 20, "commit": None},
    ]
    environment = {**run.read_environment(), "trained_before": trained_before}
    run.environment_file.write_text(json.dumps(environment))
    packing.pack(run, tmp_path / "tiny", show=lambda line: None)
    card = (tmp_path / "tiny" / packing.CARD).read_text(encoding="utf-8")
    assert "--init_from=DIR\n" in card
    assert (
        "- begun with the weights of `dcign-tf train`, step 20, commit unknown\n"
        "- which had begun with those of `dcign-tf train`, step 4,000, commit a40db10\n"
    ) in card
    trained_before[0]["commit"] += "-dirty"
    run.environment_file.write_text(json.dumps(environment))
    with pytest.raises(UserError, match="trained by commit a40db10-dirty"):
        packing.pack(run, tmp_path / "other")


def refused(run: RunDirectory, twin: RunDirectory, why: str) -> None:
    with pytest.raises(UserError, match=why):
        packing.pack(run, run.path.parent / "refused", twin=twin)


def test_the_model_card(run, tmp_path):
    twin = RunDirectory(shutil.copytree(run.path, tmp_path / "twin"))
    refused(run, twin, "is no twin of .*run: it is not entangled")
    entangled = {**run.read_config(), "procedure": "entangled"}
    wider = {**entangled["network"], "decoder_base_filters": 5}
    twin.config_file.write_text(json.dumps({**entangled, "network": wider}))
    refused(run, twin, "they differ in network.decoder_base_filters[.]")
    twin.config_file.write_text(json.dumps({**entangled, "num_steps": 9, "seed": 3}))
    there = run.read_environment()
    twin.environment_file.write_text(json.dumps({**there, "data_fingerprint": "others"}))
    refused(run, twin, "they differ in data[.]")
    trained_before = [{"command": "dcign-tf train", "step": 4000, "commit": "a40db10"}]
    twin.environment_file.write_text(json.dumps({**there, "trained_before": trained_before}))
    scores = {**SCORES, "reconstruction_mse": 0.0456}
    twin_scores = twin.evaluation / "scores.json"
    for stale in ({"step": 6}, {"split": "validation"}):
        twin_scores.write_text(json.dumps({**scores, **stale}))
        refused(run, twin, "has no test scores of its last step")
    twin_scores.write_text(json.dumps(scores))
    packing.pack(run, tmp_path / "tiny", twin=twin, show=lambda line: None)
    card = (tmp_path / "tiny" / "model_card.md").read_text()
    assert 'load_pretrained("tiny")' in card
    assert f"{SIZE}×{SIZE} pixels" in card
    assert "| `light_azimuth_deg` | -80 to 80 | 3 to 4 |" in card
    own, twins = card.split("without the clamping procedure")
    assert "1.2300e-02" in own
    assert "4.5600e-02" in twins
    assert "It was trained for 4,007 steps, the one above for 7:" in twins
    assert "7 steps, seed 0" in card
    assert "](photograph.png)" in card
    with Image.open(tmp_path / "tiny" / "photograph.png") as sheet:
        assert sheet.width > 5 * SIZE
    assert "/somewhere" not in card


def test_the_command_that_trains_a_run_like_this():
    config = importlib.import_module("dcign_tf.configs.faces_quick").get_config().to_dict()
    recorded = json.loads(json.dumps({**config, "data_dir": "data", "init_from": None}))
    plain = "dcign-tf train --dataset=faces --preset=quick"
    assert training_command(recorded) == plain
    recorded["network"]["encoder_filters"] = [4]
    recorded["factor_ratios"] = [[0, [1, 2, 1, 4]], [5, [1, 1, 1, 1]]]
    recorded["face_model"] = "a b.bin"
    words = shlex.split(training_command(recorded).replace("\\\n", ""))
    assert set(words) == {
        *plain.split(),
        "--config.network.encoder_filters=(4,)",
        "--config.factor_ratios=((0,(1,2,1,4)),(5,(1,1,1,1)))",
        "--config.face_model=a b.bin",
    }


def test_mixed_precision_becomes_float32(run, tmp_path, set_dtype_policy):
    set_dtype_policy("mixed_bfloat16")
    calibrated_model().save(run.last_checkpoint)
    set_dtype_policy("float32")
    before = load_model(run.last_checkpoint)
    assert before.encoder.layers[1].compute_dtype == "bfloat16"
    packing.pack(run, tmp_path / "packed", show=lambda line: None)
    model = load_model(RunDirectory(tmp_path / "packed").last_checkpoint)
    assert {layer.compute_dtype for layer in model.encoder.layers} == {"float32"}
    assert {layer.compute_dtype for layer in model.decoder.layers} == {"float32"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run.evaluation / "scores.json").unlink(), r"no scores of step 7"),
        (
            lambda run: (run.evaluation / "scores.json").write_text('{"step": 6}'),
            r"no scores of step 7, its checkpoint's\. Evaluate it first",
        ),
        (
            lambda run: (run.evaluation / "scores.json").write_text(
                json.dumps({**SCORES, "split": "validation"})
            ),
            r"no scores of the test split, which a card tells\. Evaluate it first",
        ),
        (lambda run: (run.evaluation / "identities.npz").unlink(), r"lacks identities\.npz\. Eval"),
    ],
)
def test_a_run_that_was_not_evaluated(run, tmp_path, spoil, message):
    spoil(run)
    with pytest.raises(UserError, match=message):
        packing.pack(run, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_what_a_tree_trained_that_nobody_can_check_out_is_not_packed(run, tmp_path):
    environment = {**run.read_environment(), "commit": "a40db10-dirty"}
    run.environment_file.write_text(json.dumps(environment))
    with pytest.raises(UserError, match=r"commit a40db10-dirty, with changes .* no commit"):
        packing.pack(run, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_a_model_that_is_not_calibrated(run, tmp_path):
    model = load_model(run.last_checkpoint)
    model.calibration = None
    model.save(run.last_checkpoint)
    with pytest.raises(UserError, match=r"not calibrated.*Evaluate it first"):
        packing.pack(run, tmp_path / "packed")


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MOST_BYTES", 1000, r"is not written: it would take [\d.]+ kB, and 1\.0 kB are"),
        ("MOST_DIFFERENCE", 1e-9, r"is not written: in half precision a pixel differs by 0\.\d"),
    ],
)
def test_what_does_not_fit_is_not_written(run, tmp_path, monkeypatch, limit, value, message):
    monkeypatch.setattr(packing, limit, value)
    with pytest.raises(UserError, match=message):
        packing.pack(run, tmp_path / "packed")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "packed").mkdir()
    with pytest.raises(UserError, match=r"exists already; delete it"):
        packing.pack(run, tmp_path / "packed")
