"""Charts of latents over sweeps: what they show, on lines and on circles."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dcign_tf.evaluation.figures import latent_charts
from dcign_tf.quantities import Quantity
from dcign_tf.readouts.calibration import FactorCalibration
from dcign_tf.readouts.fitting import fit_factor

FACTORS = ("azimuth", "elevation", "light_azimuth")
QUANTITIES = {factor: Quantity(f"{factor}_deg") for factor in FACTORS}
CIRCLE = {"azimuth": Quantity("azimuth_deg", period=360.0)}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def equivariance(latents, values, *more, **kwargs):
    sweeps = {
        factor: list(zip(columns(latents[factor]), values[factor], strict=True))
        for factor in values
    }
    return latent_charts.equivariance(sweeps, *more, **kwargs)


def columns(sweeps):
    """As the latents of a factor that has one."""
    return [np.asarray(latent)[:, np.newaxis] for latent in sweeps]


def strips(latents, scores):
    sweeps = {factor: columns(of_factor) for factor, of_factor in latents.items()}
    return latent_charts.sweep_strips(sweeps, scores)


def draw(figure):
    FigureCanvasAgg(figure).draw()


# --- equivariance ---------------------------------------------------------------------


def test_equivariance_has_a_labelled_panel_for_each_factor(rng):
    values = {factor: rng.uniform(-60, 60, (7, 20)) for factor in FACTORS}
    latents = {factor: angle / 30 for factor, angle in values.items()}
    scores = {
        "azimuth": {"spearman": -0.987, "r2_calibrated": 0.5, "mean_absolute_error": 4.567},
        "elevation": {"spearman": np.nan, "r2_calibrated": None, "mean_absolute_error": None},
    }
    figure = equivariance(latents, values, QUANTITIES, scores)
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
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert titles == [
        "azimuth\nρ = −0.99,  R² = 0.50,  mean error 4.6°",
        "elevation\nρ = –,  R² = –,  mean error –",
        "light azimuth",
    ]
    assert "calibration" not in figure._supxlabel.get_text()


def curve_of(line):
    return np.transpose(line.get_data())


def test_the_calibration_is_drawn_within_its_error():
    known = FactorCalibration(
        "azimuth_deg",
        read_latents=(-2.0, 0.0, 1.0),
        read_values=(-60.0, 0.0, 60.0),
        read_errors=(5.0, 1.0, 5.0),
        write_values=(-60.0, 0.0, 60.0),
        write_latents=(-2.0, 0.0, 1.0),
    )
    values = {"azimuth": np.linspace(-60, 60, 20)[np.newaxis]}
    latents = {"azimuth": values["azimuth"] / 60}
    figure = equivariance(latents, values, QUANTITIES, calibrations={"azimuth": known})
    panel = figure.axes[0]
    sweep, curve = panel.lines
    np.testing.assert_allclose(curve_of(curve), [(-60, -2), (0, 0), (60, 1)])
    assert curve.get_linewidth() > sweep.get_linewidth()
    band = panel.collections[1].get_paths()[0].vertices
    assert band[:, 0].min() == -65
    assert band[:, 0].max() == 65
    assert panel.get_xlim()[0] > -68
    assert panel.get_ylim()[0] < -2
    assert "its root mean square error" in figure._supxlabel.get_text().replace("\n", " ")
    draw(figure)


def test_a_jump_of_the_calibration_is_no_line():
    known = FactorCalibration(
        "azimuth_deg",
        read_latents=(-1.0, 0.0, 0.0, 1.0),
        read_values=(0.0, 60.0, -60.0, 0.0),
        read_errors=(1.0, 1.0, 1.0, 1.0),
        write_values=(-60.0, 0.0, 0.0, 60.0),
        write_latents=(0.0, 1.0, -1.0, 0.0),
        cuts=(0.0,),
    )
    values = {"azimuth": np.linspace(-60, 60, 20)[np.newaxis]}
    figure = equivariance(values, values, QUANTITIES, calibrations={"azimuth": known})
    curves = [curve_of(line).tolist() for line in figure.axes[0].lines[1:]]
    assert curves == [[[-60, 0], [0, 1]], [[0, -1], [60, 0]]]


@pytest.mark.parametrize("start", [0, -180])
def test_the_calibration_of_a_circle_goes_all_the_way_round(start):
    known = FactorCalibration(
        "azimuth_deg",
        read_latents=(-1.0, 1.0),
        read_values=(100.0, 460.0),
        read_errors=(2.0, 2.0),
        write_values=(100.0, 460.0),
        write_latents=(-1.0, 1.0),
        period=360.0,
        cuts=(100.0,),
    )
    angle = start + np.arange(0, 360, 18.0)[np.newaxis]
    latent = {"azimuth": known.to_latents(angle)[..., 0]}
    figure = equivariance(latent, {"azimuth": angle}, CIRCLE, calibrations={"azimuth": known})
    panel = figure.axes[0]
    seen = np.linspace(start + 1, start + 359, 50)
    drawn = [
        np.interp(seen, *line.get_data(), left=np.nan, right=np.nan) for line in panel.lines[1:]
    ]
    assert panel.get_xlim() == (start, start + 360)
    np.testing.assert_array_equal(np.isfinite(drawn).sum(axis=0), 1)
    np.testing.assert_allclose(np.nansum(drawn, axis=0), known.to_latents(seen)[..., 0])


def test_what_is_not_calibrated_is_said_to_be_so(rng):
    known = FactorCalibration("azimuth_deg", (-1, 1), (0, 0), (30, 30), reason="it tells nothing")
    values = {"azimuth": rng.uniform(-60, 60, (3, 5))}
    scores = {"azimuth": {"spearman": 0.1, "r2_calibrated": -0.01, "mean_absolute_error": 31.0}}
    figure = equivariance(values, values, QUANTITIES, scores, {"azimuth": known})
    assert figure.axes[0].get_title(loc="left") == "azimuth\nρ = 0.10,  not calibrated"
    assert len(figure.axes[0].lines) == 3
    assert "calibration" not in figure._supxlabel.get_text()


def test_the_interval_of_the_mean_error_stands_behind_it(rng):
    values = {factor: rng.uniform(-60, 60, (3, 5)) for factor in ("azimuth", "elevation")}
    own = {"spearman": 0.5, "r2_calibrated": 0.25, "mean_absolute_error": 4.567}
    intervals = {"azimuth": [3.21, 5.44], "elevation": None}
    figure = equivariance(
        values, values, QUANTITIES, dict.fromkeys(values, own), intervals=intervals
    )
    draw(figure)
    assert [panel.get_title(loc="left") for panel in figure.axes] == [
        "azimuth\nρ = 0.50,  R² = 0.25\nmean error 4.6° [3.2, 5.4]",
        "elevation\nρ = 0.50,  R² = 0.25,  mean error 4.6°",
    ]
    assert "the mean error's interval" in " ".join(figure._supxlabel.get_text().split())


def test_irregular_sweeps_in_another_unit(rng):
    values = {"distance": [rng.random(2), rng.random(13), np.zeros(0)]}
    quantities = {"distance": Quantity("distance")}
    figure = equivariance(values, values, quantities)
    assert figure.axes[0].get_xlabel() == "true distance"
    assert len(figure.axes[0].collections[0].get_offsets()) == 15
    draw(figure)


@pytest.mark.parametrize("start", [0, -180])
def test_a_circle_is_shown_once_round_with_its_cut(start):
    angle = start + np.arange(0, 360, 18.0)
    values = {"azimuth": np.tile(angle, (3, 1))}
    latents = {"azimuth": (values["azimuth"] - 200) % 360 / 100}
    scores = {"azimuth": {"spearman": 1.0, "cut": 200.0}}
    figure = equivariance(latents, values, CIRCLE, scores)
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
    figure = equivariance(values, values, CIRCLE, {"azimuth": {"cut": cut}})
    assert not figure.axes[0].texts
    assert "cut" not in figure._supxlabel.get_text()
    assert len(figure.axes[0].lines) == 3


@pytest.mark.parametrize("is_calibrated", [True, False])
def test_two_latents_of_a_circle_are_drawn_as_the_circle_they_are(rng, is_calibrated):
    angle = rng.uniform(-180, 180, (5, 20))
    turn = np.radians(angle)
    latents = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    curve = fit_factor(latents, angle, name="azimuth_deg", period=360.0)
    sweeps = {"azimuth": list(zip(latents, angle, strict=True))}
    scores = {"azimuth": {"spearman": None, "r2_calibrated": 1.0, "mean_absolute_error": 0.1}}
    known = {"azimuth": curve} if is_calibrated else None
    figure = latent_charts.equivariance(sweeps, CIRCLE, scores, known)
    panel, bar = figure.axes
    (dots,) = panel.collections
    np.testing.assert_allclose(dots.get_offsets(), latents.reshape(-1, 2))
    np.testing.assert_allclose(dots.get_array(), np.mod(angle.ravel(), 360))
    np.testing.assert_allclose(dots.cmap(0.0), dots.cmap(1.0), atol=0.1)  # 0° looks like 360°
    assert (panel.get_xlabel(), panel.get_ylabel()) == (
        "inferred latent 1 of 2",
        "inferred latent 2 of 2",
    )
    assert bar.get_ylabel() == "true azimuth (°)"
    texts = [text.get_text() for text in panel.texts]
    assert texts == [f"{value}°" for value in range(0, 360, 45)] * is_calibrated
    assert panel.get_title(loc="left") == "azimuth\nR² = 1.00,  mean error 0.1°"
    caption = figure._supxlabel.get_text().replace("\n", " ")
    assert "ρ" not in caption
    assert ("Thick line: the calibration" in caption) == is_calibrated
    draw(figure)


def test_of_three_latents_those_that_vary_most_are_drawn(rng):
    value = rng.uniform(-20, 20, (5, 20))
    latents = np.stack([value / 10, rng.normal(0, 0.01, value.shape), value**2 / 99], axis=-1)
    sweeps = {"elevation": list(zip(latents, value, strict=True))}
    figure = latent_charts.equivariance(sweeps, QUANTITIES)
    np.testing.assert_allclose(
        figure.axes[0].collections[0].get_offsets(), latents[..., [0, 2]].reshape(-1, 2)
    )
    assert figure.axes[0].get_ylabel() == "inferred latent 3 of 3"
    strips = latent_charts.sweep_strips({"elevation": list(latents)}, {})
    titles = [panel.get_title(loc="left").split("\n")[0] for panel in strips.axes]
    assert titles == [f"elevation, latent {i} of 3" for i in (1, 2, 3)]


def test_a_collapsed_latent_looks_collapsed(rng):
    angle = {"azimuth": rng.uniform(-60, 60, (3, 5))}
    figure = equivariance({"azimuth": angle["azimuth"] * 1e-6}, angle, QUANTITIES)
    low, high = figure.axes[0].get_ylim()
    assert low <= -1
    assert high >= 1


def test_caption_fits_a_single_panel(rng):
    angle = {"azimuth": rng.uniform(-60, 60, (3, 5))}
    for figure in (
        equivariance(angle, angle, CIRCLE, {"azimuth": {"cut": 10.0}}),
        strips(angle, {}),
    ):
        draw(figure)
        caption = figure._supxlabel.get_window_extent()
        assert caption.x0 >= 0
        assert caption.x1 <= figure.bbox.width
        assert caption.y1 < figure.axes[0].xaxis.label.get_window_extent().y0


def test_many_factors_wrap_into_rows(rng):
    latents = {f"factor_{i}": rng.normal(size=(3, 4)) for i in range(5)}
    figure = strips(latents, {})
    assert len(figure.axes) == 5
    assert figure.get_figwidth() < 14
    draw(figure)
    boxes = [panel.get_tightbbox() for panel in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_equivariance_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="same size"):
        equivariance({"azimuth": np.ones((1, 2))}, {"azimuth": np.ones((1, 3))}, QUANTITIES)
    with pytest.raises(ValueError, match="No factor"):
        equivariance({}, {}, QUANTITIES)


# --- strips ---------------------------------------------------------------------------


def test_strips_show_every_sweep_in_a_column_with_its_mean():
    latents = {"azimuth": [np.array([1.0, 3.0]), np.array([-2.0, -1.0, 0.0])]}
    scores = {"azimuth": {"consistency": 0.987, "own_share": None}}
    figure = strips(latents, scores)
    panel = figure.axes[0]
    points = panel.collections[0].get_offsets()
    np.testing.assert_allclose(points, [[1, 1], [1, 3], [2, -2], [2, -1], [2, 0]])
    assert [line.get_ydata()[0] for line in panel.lines] == [2, -1]
    assert panel.get_title(loc="left") == "azimuth\nconsistency 0.99,  own share –"


def test_of_many_sweeps_some_are_shown(rng):
    figure = strips({"azimuth": rng.normal(size=(500, 3))}, {})
    assert len(figure.axes[0].lines) == 40


def test_strips_of_nothing():
    with pytest.raises(ValueError, match="No factor"):
        strips({}, {})
