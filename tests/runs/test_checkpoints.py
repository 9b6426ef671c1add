"""Models are loaded from files that name modules which are no longer there."""

from __future__ import annotations

import collections
import importlib.util
import io
import random
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from dcign_tf.errors import UserError
from dcign_tf.pretrained import pretrained_run
from dcign_tf.runs.checkpoints import load_model, load_newest
from dcign_tf.runs.directory import RunDirectory
from tests.helpers.tiny import tiny_batch, tiny_model

CONFIG, WEIGHTS = "config.json", "model.weights.h5"  # in Keras's zip file


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
    assert importlib.util.find_spec("dcign_tf.layers") is None
    loaded = load_model(file)
    np.testing.assert_array_equal(loaded(images), model(images))


def test_the_model_in_the_box():
    model = load_model(pretrained_run().last_checkpoint)
    picture = np.zeros((1, 150, 150, 1), np.float32)
    assert np.ptp(model.rerender(picture, azimuth_deg=20)) > 0.1


def test_a_newest_one_that_is_whole_is_not_given_up_for_want_of_memory(tmp_path, monkeypatch):
    """The next try may read it; an older one in its place would cost what was trained since."""
    run = RunDirectory(tmp_path)
    run.last_checkpoint.parent.mkdir()
    for number, step in enumerate((9, 6)):
        tiny_model(step=step).save(run.older_checkpoint(number))
    before = run.last_checkpoint.read_bytes()

    def load(file):
        if file == run.last_checkpoint:
            raise MemoryError
        return load_before(file)

    load_before = keras.models.load_model
    monkeypatch.setattr(keras.models, "load_model", load)
    with pytest.raises(UserError, match=r"too little memory for the checkpoint .*last\.keras"):
        load_newest(run, print)
    assert run.last_checkpoint.read_bytes() == before


def claiming_ten_gigabytes() -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as weights:
        weights.create_dataset("layers/vars/0", (50_000, 50_000), np.float32)  # none is stored
    return file.getvalue()


def with_wide_layer(config: bytes) -> bytes:
    """A first convolution of so many filters that its kernel takes 4 GB."""
    text = config.decode()
    assert text.count('"filters": 4,') == 1
    return text.replace('"filters": 4,', '"filters": 100000000,').encode()


HOSTILE = {
    "a bomb": (lambda parts: {"more": bytes(100_000_000)}, "it claims to hold 100,"),
    "a config without end": (lambda parts: {CONFIG: b'{"a":' * 99_999}, ""),
    "a wide layer": (lambda parts: {CONFIG: with_wide_layer(parts[CONFIG])}, ""),
    "weights that are not there": (
        lambda parts: {WEIGHTS: claiming_ten_gigabytes()},
        "its weights claim 10,000,000,000 bytes",
    ),
    "no weights": (lambda parts: {WEIGHTS: b""}, ""),
    "another config": (lambda parts: {CONFIG: b"[1]"}, ""),
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict[str, bytes]:
    file = tmp_path_factory.mktemp("model") / "last.keras"
    tiny_model().save(file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_a_stranger_made_is_refused_in_a_sentence(parts, tmp_path, kind):
    make, reason = HOSTILE[kind]
    file = tmp_path / "last.keras"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**parts, **make(parts)}.items():
            archive.writestr(name, content)
    assert file.stat().st_size < 1_000_000
    with pytest.raises(UserError, match=rf"last\.keras is damaged \(.*{reason}") as caught:
        load_model(file)
    assert "\n" not in str(caught.value)


def test_one_bit_anywhere_or_a_missing_end(tmp_path):
    """Named, unless no weight and no number of the optimiser's state is another one."""
    file, model, rng = tmp_path / "last.keras", tiny_model(), random.Random(0)
    model.optimizer.build(model.trainable_variables)
    model.save(file)
    whole, outcomes = file.read_bytes(), collections.Counter()
    expected = [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]
    for number in range(60):
        content, place = bytearray(whole), rng.randrange(len(whole))
        content[place] ^= 1 << rng.randrange(8)
        file.write_bytes(content if number % 4 else whole[:place])
        try:
            read = load_model(file)
        except UserError as error:
            assert f"{file} is damaged" in str(error)  # noqa: PT017
            outcomes["named"] += 1
            continue
        for value, variable in zip(
            expected, (*read.variables, *read.optimizer.variables), strict=True
        ):
            np.testing.assert_array_equal(value, variable)
        outcomes["unchanged"] += 1
    print(f"checkpoints: {outcomes.total()} damaged, {dict(outcomes)}")
    assert outcomes["named"] > 40


def test_what_cannot_be_read_is_not_called_damaged(tmp_path):
    """Whoever is told so may delete it."""
    (tmp_path / "last.keras").mkdir()
    with pytest.raises(
        UserError, match=r"Cannot read the checkpoint .*last\.keras: Is a directory"
    ):
        load_model(tmp_path / "last.keras")


@pytest.mark.parametrize("error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "")])
def test_want_of_memory_is_no_damage(parts, tmp_path, monkeypatch, error):
    file = tmp_path / "last.keras"
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)

    def fail(path):
        raise error

    monkeypatch.setattr(keras.models, "load_model", fail)
    with pytest.raises(UserError, match="too little memory for the checkpoint"):
        load_model(file)


def test_an_optimizer_is_not_left_out(tmp_path):
    """As Keras does, with a warning, if its state is not that of the optimiser of the config."""
    file, model = tmp_path / "last.keras", tiny_model()
    model.save(file)
    assert load_model(file).optimizer.iterations == 0  # saved before it had a state
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(5)
    model.save(file)
    assert load_model(file).optimizer.iterations == 5
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO(parts[WEIGHTS])
    with h5py.File(content, "r+") as weights:
        del weights["optimizer/vars/7"]
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in {**parts, WEIGHTS: content.getvalue()}.items():
            archive.writestr(name, part)
    with pytest.raises(UserError, match=r"last\.keras is damaged .* could not be loaded.*Adam"):
        load_model(file)


def test_a_pointer_of_version_control(tmp_path):
    file = tmp_path / "last.keras"
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n")
    with pytest.raises(UserError, match=r"last\.keras is damaged \(it is a pointer of Git LFS"):
        load_model(file)


def test_packed_anew_it_is_loaded(parts, tmp_path):
    file = tmp_path / "last.keras"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert load_model(file).code == tiny_model().code
