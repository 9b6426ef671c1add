"""One object in many views: views are held out in place of identities, from manifest to picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.datasets.manifest.dataset import ManifestPictures
from dcign_tf.datasets.manifest.settings import UNSEEN_VIEWS, ManifestSettings
from dcign_tf.errors import UserError
from dcign_tf.factors import INTRINSIC
from tests.helpers.manifest_files import write_folder, write_manifest

AZIMUTHS, HEIGHTS = np.linspace(-75, 75, 16).tolist(), (-30, -15, 0, 15, 30)
SETTINGS = {
    "image_size": 24,
    "sweep_length": 8,
    "hold_out": "views",
    "validation_fraction": 0.3,
    "test_fraction": 0.2,
}


def rows_of(people=("person0",), azimuths=AZIMUTHS, heights=HEIGHTS) -> list[dict]:
    return [
        {"image": f"pictures/{p}_{i}_{h}.png", "identity": p, "azimuth_deg": a, "height": h}
        for p in people
        for i, a in enumerate(azimuths)
        for h in heights
    ]


def opened(folder: Path, **settings) -> ManifestPictures:
    return ManifestPictures(folder, ManifestSettings(**{**SETTINGS, **settings}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """80 pictures of one object: a bright spot, to the right by its azimuth, down by its height."""
    folder = tmp_path_factory.mktemp("one")
    (folder / "pictures").mkdir()
    write_manifest(folder, rows_of())
    down, right = np.mgrid[-1:1:40j, -1:1:40j]
    for row in rows_of():
        distance = (right - row["azimuth_deg"] / 100) ** 2 + (down - row["height"] / 40) ** 2
        spot = Image.fromarray((250 * np.exp(-8 * distance)).astype(np.uint8))
        spot.save(folder / row["image"])
    return folder


@pytest.fixture(scope="module")
def data(folder) -> ManifestPictures:
    data = opened(folder)
    data.prepare()
    return data


def pictures(data: ManifestPictures, subset: str) -> set[bytes]:
    """All that any sweep of a subset shows; of the endless training sweeps, of the first 200."""
    return {
        image
        for sweeps in data.sweeps(subset).values()
        for index in range(min(200, len(sweeps)))
        for image in sweeps[index]["image"]
    }


def test_no_batch_shows_a_picture_that_is_held_out(data):
    train, validation, test = (pictures(data, s) for s in ("train", "validation", "test"))
    assert len(train | validation | test) == 80
    assert [len(train), len(validation), len(test)] == [40, 24, 16]


def test_one_factor_varies_in_each_sweep_and_there_are_some_of_each(data):
    for subset in ("train", "validation", "test"):
        sweeps = data.sweeps(subset)
        assert len(sweeps[INTRINSIC]) == 0
        for factor, own, other in (
            ("azimuth", "azimuth_deg", "height"),
            ("height", "height", "azimuth_deg"),
        ):
            assert len(sweeps[factor]) >= 4
            for index in range(min(20, len(sweeps[factor]))):
                sweep = sweeps[factor][index]
                assert len(np.unique(sweep[own])) > 1 == len(np.unique(sweep[other]))


def test_it_is_said_before_anything_is_prepared(folder, capfd):
    """In the report, and what there is too little of to calibrate by."""
    opened(folder, validation_fraction=0.1).prepare()
    told = " ".join(capfd.readouterr().err.split())
    assert "Views are held out, not identities (hold_out=views): the scores will be of whom" in told
    assert "With one identity intrinsic cannot vary: it gets no batch, and no score." in told
    assert "Of azimuth and height there are fewer than 20 validation pictures in groups" in told
    assert "fewer than" not in opened(folder).report()


@given(st.integers(1, 3), st.integers(5, 9), st.integers(4, 5), st.integers(0, 9))
def test_whomever_they_show_pictures_of_a_view_are_in_one_subset(
    tmp_path_factory, people, columns, heights, seed
):
    """And where they are does not depend on the order of the rows."""
    names = [f"person{number}" for number in range(people)]
    rows = rows_of(names, AZIMUTHS[:columns], HEIGHTS[:heights])
    folder = tmp_path_factory.mktemp("some")
    (folder / "pictures").mkdir()
    for row in rows:
        (folder / row["image"]).touch()
    write_manifest(folder, rows)
    settings = {"seed": seed, "validation_fraction": 0.2}
    subset = opened(folder, **settings)._subset.reshape(people, columns, heights)
    assert (subset == subset[0]).all()
    assert set(subset.ravel()) == {0, 1, 2}
    for number, share in ((1, 0.2), (2, 0.2)):
        wanted = round(share * columns * heights)
        assert wanted <= (subset[0] == number).sum() < wanted + 2
    write_manifest(folder, rows[::-1])
    again = opened(folder, **settings)._subset[::-1]
    np.testing.assert_array_equal(again, subset.ravel())


def test_views_of_several_are_scored_on_intrinsic_sweeps_too(tmp_path):
    write_folder(tmp_path, rows_of(["person0", "person3"]))
    data = opened(tmp_path)
    assert "cannot vary" not in data.report()
    assert all(len(data.sweeps(s)[INTRINSIC]) for s in ("train", "validation", "test"))


TINY = {
    **{f"data.{name}": value for name, value in SETTINGS.items()},
    "network.latent_dim": 3,
    "network.encoder_filters": (16, 16),
    "network.encoder_kernel_size": 3,
    "network.decoder_base_filters": 16,
    "network.decoder_filters": (16, 16),
    "network.decoder_kernel_size": 3,
    "optimizer.warmup_steps": 50,
    "warmup_steps": 50,
    "num_steps": 400,
    "log_every": 200,
    "validate_every": 400,
}


@pytest.mark.usefixtures("set_dtype_policy", "undrawn_figures")
def test_from_one_object_to_another_view_of_it(folder, tmp_path):
    from dcign_tf.configs import manifest_quick
    from dcign_tf.editing.editor import SceneEditor
    from dcign_tf.runs.directory import RunDirectory
    from dcign_tf.training import experiment

    config = manifest_quick.get_config()
    config.update_from_flattened_dict(TINY)
    # Settings in which so short a training is known to learn.
    config.observation_stddev, config.invariance_weight = 0.1, 60.0
    config.optimizer.name = "adam"
    config = config.to_dict()
    run, lines = RunDirectory(tmp_path / "run"), []
    only_intrinsic = {**config, "factor_ratios": ((0, (0, 1)),)}
    with pytest.raises(UserError, match="No batches can be made of these data: A factor is drawn"):
        experiment.run_experiment(only_intrinsic, RunDirectory(tmp_path / "none"), str(folder))
    experiment.run_experiment(config, run, str(folder), test=True, show=lines.append)
    assert f"Evaluating on the test split: {UNSEEN_VIEWS} …" in lines
    scores = run.read_scores()
    assert scores["held_out"] == UNSEEN_VIEWS
    assert scores["num_sweeps"][INTRINSIC] == 0
    assert set(scores["why_null"][INTRINSIC].values()) == {"no test sweep varies this factor"}
    report = (run.evaluation / "report.html").read_text(encoding="utf-8")
    assert f"measured on its test split ({UNSEEN_VIEWS})" in report
    assert "identities that training never saw" not in report
    assert all(scores["factors"][f]["r2_calibrated"] > 0.8 for f in ("azimuth", "height"))
    editor = SceneEditor.of_run(run)
    given, true = (editor.fit(folder / f"pictures/person0_{i}_15.png") for i in (4, 12))
    code = editor.changed(editor.encode(given[np.newaxis])[0], {"azimuth_deg": AZIMUTHS[12]})
    (turned,) = editor.decode(code[np.newaxis])
    off, before = (np.mean((np.float32(image) - true) ** 2) for image in (turned, given))
    assert off < before / 2
