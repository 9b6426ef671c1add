"""The experiments by dataset and preset, and datasets that are opened by them."""

from __future__ import annotations

import pytest

from dcign_tf.datasets.registry import MODULES, open_configured, open_dataset
from dcign_tf.errors import UserError
from dcign_tf.runs.presets import load_preset, presets


def test_every_dataset_has_a_quick_and_the_papers_preset():
    assert set(presets()) == set(MODULES)
    assert presets()["faces"] == ["best", "paper", "quick"]
    assert all({"paper", "quick"} <= set(names) for names in presets().values())


def test_what_one_changes_no_one_else_gets():
    config = load_preset("faces", "quick")
    config.num_steps = 1
    assert load_preset("faces", "quick").num_steps > 1


@pytest.mark.parametrize(
    ("dataset", "preset", "message"),
    [
        ("cars", "quick", "Unknown dataset 'cars'; there is chairs, dcign_torch7, faces, "),
        ("chairs", "huge", "Unknown preset 'huge'; there is best, paper, quick"),
    ],
)
def test_unknown_ones(dataset, preset, message):
    with pytest.raises(UserError, match=message):
        load_preset(dataset, preset)


@pytest.mark.parametrize(("preset", "data_preset"), [("quick", "quick"), ("best", "paper")])
def test_a_dataset_without_settings_is_the_presets(preset, data_preset, tmp_path):
    """In the folder where training prepares it."""
    config = {**load_preset("faces", data_preset).to_dict(), "data_dir": str(tmp_path)}
    trained_on = open_configured(config)
    opened = open_dataset("faces", tmp_path, preset=preset)
    assert opened.fingerprint == trained_on.fingerprint
    assert opened.data_dir == trained_on.data_dir
    with pytest.raises(UserError, match="Unknown preset 'huge'"):
        open_dataset("faces", tmp_path, preset="huge")
