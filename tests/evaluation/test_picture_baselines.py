"""What a reconstruction error is held against, on pictures of which all is known."""

from __future__ import annotations

import numpy as np
import pytest

from dcign_tf.evaluation import picture_baselines
from dcign_tf.evaluation.picture_baselines import BASELINES, baseline_scores, fit_baselines
from tests.evaluation.test_picture_errors import errors_of

SHAPE = (4, 5, 2)


def sweeps_of(grey_levels) -> list[dict]:
    """Plain images of these levels, a list a sweep."""
    return [
        {
            "image": np.broadcast_to(
                np.array(levels, np.uint8)[:, None, None, None], (len(levels), *SHAPE)
            )
        }
        for levels in grey_levels
    ]


def test_all_factors_have_their_part_and_long_sweeps_some_of_their_images():
    train = {
        "azimuth": sweeps_of([[0] * 20] * 4),
        "intrinsic": sweeps_of([[255] * 20] * 8),
        "elevation": [],
    }
    baselines = fit_baselines(train, SHAPE, 3)
    assert baselines.num_images == 12 * 20
    assert baselines.components.mean_ == pytest.approx(np.full(40, 2 / 3))


def test_at_most_so_many_of_evenly_chosen_sweeps(monkeypatch):
    train = {"azimuth": sweeps_of([[level] * 20 for level in range(9)]), "intrinsic": []}
    monkeypatch.setattr(picture_baselines, "_MOST_IMAGES", 30)
    baselines = fit_baselines(train, SHAPE, 3)
    assert baselines.num_images == 15  # half of them, of three sweeps five
    assert baselines.components.mean_ == pytest.approx(np.full(40, 4 / 255))  # 0, 4 and 8
    monkeypatch.setattr(picture_baselines, "_MOST_VALUES", 20 * 40)
    assert fit_baselines(train, SHAPE, 3).num_images == 10


def test_what_a_picture_is():
    grey = sweeps_of([[0, 51, 102, 204]] * 2)
    baselines = fit_baselines({"azimuth": grey}, SHAPE, 1)
    half = np.zeros((1, *SHAPE), np.float32)
    half[0, :2] = 1
    half[0, 0, 0, 1] = 0.5
    images = np.concatenate([np.full((1, *SHAPE), 0.6, np.float32), half])
    measured = baselines.measured(images)
    assert set(measured) == set(BASELINES)
    np.testing.assert_allclose(measured["contrast"], [0, np.var(half)], atol=1e-12)
    np.testing.assert_allclose(measured["foreground_share"], [0, 0.5])
    np.testing.assert_allclose(measured["principal_components"][0], 0, atol=1e-7)
    np.testing.assert_allclose(measured["mean_image"][0], (0.6 - 89.25 / 255) ** 2, rtol=1e-5)


def test_scores_are_averaged_as_the_networks_error_is():
    baselines = fit_baselines({"azimuth": sweeps_of([[0, 255]])}, SHAPE, 9)
    long, short, other = (
        {name: np.array(values, float) for name in BASELINES}
        for values in ([1, 3], [4], [0, 1, 2, 5])
    )
    errors = [
        [errors_of([0, 0], [0, 0], baselines=long), errors_of([0], [1], baselines=short)],
        [errors_of([0] * 4, [0, 1, 2, 3], baselines=other)],
    ]
    scores, intervals = baseline_scores(baselines, errors)
    assert scores == {
        **dict.fromkeys(BASELINES, pytest.approx(((2 + 4) / 2 + 2) / 2)),
        **{"num_components": 2, "num_images": 2},
    }
    assert set(intervals) == {f"reconstruction_baselines.{name}" for name in BASELINES}
    nothing, without = baseline_scores(baselines, [[], []])
    assert np.isnan([nothing[name] for name in BASELINES]).all()
    assert without == {}
