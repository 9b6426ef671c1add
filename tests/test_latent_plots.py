"""Charts of latents over sweeps: what they show, on lines and on circles."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dcign_tf.evaluation import latent_plots
from dcign_tf.evaluation.quantities import Quantity

FACTORS = ("azimuth", "elevation", "light_azimuth")
QUANTITIES = {factor: Quantity(f"{factor}_deg") for factor in FACTORS}
CIRCLE = {"azimuth": Quantity("azimuth_deg", period=360.0)}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def draw(figure):
    FigureCanvasAgg(figure).draw()


# --- equivariance ---------------------------------------------------------------------


def test_equivariance_has_a_labelled_panel_for_each_factor(rng):
    values = {factor: rng.uniform(-60, 60, (7, 20)) for factor in FACTORS}
    latents = {factor: angle / 30 for factor, angle in values.items()}
    scores = {"elevation": {"pearson": -0.987, "spearman": np.nan, "r2_monotone": 0.5}}
    figure = latent_plots.equivariance(latents, values, QUANTITIES, scores, num_lines=3)
    assert len(figure.axes) == 3
    for panel, factor in zip(figure.axes, FACTORS, strict=True):
        assert panel.get_xlabel() == f"true {factor.replace('_', ' ')} (°)"
        assert len(panel.lines) == 3
        points = panel.collections[0].get_offsets()
        np.testing.assert_allclose(points[:, 0], values[factor].ravel())
        np.testing.assert_allclose(points[:, 1], latents[factor].ravel())
        for line in panel.lines:
            assert (np.diff(line.get_xdata()) > 0).all()
    assert "latent" in figure.axes[0].get_ylabel()
    title = figure.axes[1].get_title(loc="left")
    assert title == "elevation\nr = −0.99,  ρ = –,  R² = 0.50"


def test_irregular_sweeps_in_another_unit(rng):
    values = {"distance": [rng.random(2), rng.random(13), np.zeros(0)]}
    quantities = {"distance": Quantity("distance")}
    figure = latent_plots.equivariance(values, values, quantities)
    assert figure.axes[0].get_xlabel() == "true distance"
    assert len(figure.axes[0].collections[0].get_offsets()) == 15
    draw(figure)


@pytest.mark.parametrize("start", [0, -180])
def test_a_circle_is_shown_once_round_with_its_cut(start):
    angle = start + np.arange(0, 360, 18.0)
    values = {"azimuth": np.tile(angle, (3, 1))}
    latents = {"azimuth": (values["azimuth"] - 200) % 360 / 100}
    scores = {"azimuth": {"spearman": 1.0, "cut": 200.0}}
    figure = latent_plots.equivariance(latents, values, CIRCLE, scores)
    panel = figure.axes[0]
    assert panel.get_xlim() == (start, start + 360)
    marked = 200 if start == 0 else -160
    cut, *parts = panel.lines
    assert set(cut.get_xdata()) == {marked}
    assert len(parts) == 2 * 3  # no line leads across the jump
    for part in parts:
        assert (np.diff(part.get_ydata()) > 0).all()
    assert [text.get_text() for text in panel.texts] == [
        f"cut {'' if start == 0 else '−'}{abs(marked)}°"
    ]
    draw(figure)
    box = panel.texts[0].get_window_extent()
    assert panel.bbox.x0 <= box.x0
    assert box.x1 <= panel.bbox.x1
    assert "cut open" in figure._supxlabel.get_text().replace("\n", " ")


@pytest.mark.parametrize("cut", [None, np.nan])
def test_a_circle_whose_cut_is_not_known(cut, rng):
    values = {"azimuth": rng.uniform(0, 360, (3, 20))}
    figure = latent_plots.equivariance(values, values, CIRCLE, {"azimuth": {"cut": cut}})
    assert not figure.axes[0].texts
    assert "cut" not in figure._supxlabel.get_text()
    assert len(figure.axes[0].lines) == 3


def test_a_collapsed_latent_looks_collapsed(rng):
    angle = {"azimuth": rng.uniform(-60, 60, (3, 5))}
    figure = latent_plots.equivariance({"azimuth": angle["azimuth"] * 1e-6}, angle, QUANTITIES)
    low, high = figure.axes[0].get_ylim()
    assert low <= -1
    assert high >= 1


def test_caption_fits_a_single_panel(rng):
    angle = {"azimuth": rng.uniform(-60, 60, (3, 5))}
    for figure in (
        latent_plots.equivariance(angle, angle, CIRCLE, {"azimuth": {"cut": 10.0}}),
        latent_plots.sweep_strips(angle, {}),
    ):
        draw(figure)
        caption = figure._supxlabel.get_window_extent()
        assert caption.x0 >= 0
        assert caption.x1 <= figure.bbox.width
        assert caption.y1 < figure.axes[0].xaxis.label.get_window_extent().y0


def test_many_factors_wrap_into_rows(rng):
    latents = {f"factor_{i}": rng.normal(size=(3, 4)) for i in range(5)}
    figure = latent_plots.sweep_strips(latents, {})
    assert len(figure.axes) == 5
    assert figure.get_figwidth() < 14
    draw(figure)
    boxes = [panel.get_tightbbox() for panel in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_equivariance_refuses_what_does_not_fit():
    one, two = np.ones((1, 2)), np.ones((2, 1))
    with pytest.raises(ValueError, match="values for elevation"):
        latent_plots.equivariance({"azimuth": one}, {"elevation": one}, QUANTITIES)
    with pytest.raises(ValueError, match="'azimuth'"):
        latent_plots.equivariance({"azimuth": one}, {"azimuth": two}, QUANTITIES)
    with pytest.raises(ValueError, match="no factor"):
        latent_plots.equivariance({}, {}, QUANTITIES)


# --- strips ---------------------------------------------------------------------------


def test_strips_show_every_sweep_in_a_column_with_its_mean():
    latents = {"azimuth": [np.array([1.0, 3.0]), np.array([-2.0, -1.0, 0.0])]}
    scores = {"azimuth": {"consistency": 0.987, "own_share": None}}
    figure = latent_plots.sweep_strips(latents, scores)
    panel = figure.axes[0]
    points = panel.collections[0].get_offsets()
    np.testing.assert_allclose(points, [[1, 1], [1, 3], [2, -2], [2, -1], [2, 0]])
    assert [line.get_ydata()[0] for line in panel.lines] == [2, -1]
    assert panel.get_title(loc="left") == "azimuth\nconsistency 0.99,  own share –"


def test_of_many_sweeps_some_are_shown(rng):
    figure = latent_plots.sweep_strips({"azimuth": rng.normal(size=(500, 3))}, {})
    assert len(figure.axes[0].lines) == 40


def test_strips_of_nothing():
    with pytest.raises(ValueError, match="No factor"):
        latent_plots.sweep_strips({}, {})
