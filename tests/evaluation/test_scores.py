"""Scores: from codes to the documented file and the table."""

from __future__ import annotations

import functools
import json
import os
import re
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.errors import UserError
from dcign_tf.evaluation import intervals
from dcign_tf.evaluation.metrics import sweep_variance
from dcign_tf.evaluation.metrics.bootstrap import bootstrap_intervals
from dcign_tf.evaluation.picture_errors import SweepErrors
from dcign_tf.evaluation.report.score_catalogue import ANSWERS, FOLLOWED, NEW_VIEWS, READ, TITLES
from dcign_tf.evaluation.report.score_tables import scores_table
from dcign_tf.evaluation.scores import (
    VALUE_SCORES,
    make_scores,
    write_scores,
)
from dcign_tf.evaluation.sweep_codes import Codes, Evaluated
from dcign_tf.factors import GraphicsCode
from dcign_tf.quantities import Quantity
from dcign_tf.readouts.fitting import calibrate
from dcign_tf.runs.presets import load_preset
from tests.helpers import ROOT

pytestmark = pytest.mark.usefixtures("no_warnings")

CODE = GraphicsCode({"azimuth": 1, "elevation": 1, "light": 1, "intrinsic": 3})
SWEEP_SCORES = ("selectivity", "own_share", "consistency", "invariance", "novel_view_ratio")
CUT = 100.0  # where the azimuth's latent jumps
QUANTITIES = {
    "azimuth": Quantity("azimuth_deg", period=360.0),
    "elevation": Quantity("elevation_deg"),
}
DOCUMENT = ROOT / "docs" / "scores.md"
LINEAR_SCORES = VALUE_SCORES[:5]
ERRORS = SweepErrors(
    index=0,
    pairs=np.array([[0, 1]]),
    reconstruction=np.array([0.01, 0.015]),
    ssim=np.array([0.75, 1.0]),
    swapped=np.array([0.5]),
    unchanged=np.array([1.0]),
    copy=np.array([1.0]),
    identities=np.array([0, 1]),
)


def codes_of_people(z_mean, values=None):
    """Each sweep of a person of its own."""
    return Codes(z_mean, values, identities=[np.full(len(z), i) for i, z in enumerate(z_mean)])


def codes_of(num_sweeps, seed):
    """Azimuth's latent is its angle from a cut, elevation's never moves, light has no values."""
    rng = np.random.default_rng(seed)
    identities = rng.normal(size=(num_sweeps, 1, 6)) * [0, 0, 0, 1, 1, 1]
    z_mean = {factor: identities.repeat(20, axis=1) for factor in CODE.factors}
    azimuth_deg = rng.uniform(-180, 180, (num_sweeps, 20))
    z_mean["azimuth"][..., 0] = -((azimuth_deg - CUT) % 360) / 90
    z_mean["light"][..., 2] = rng.normal(0, 1, (num_sweeps, 20))
    z_mean["intrinsic"][...] = rng.normal(0, 0.1, (num_sweeps, 20, 6)) * [1, 0, 1, 1, 1, 1]
    values = {
        "azimuth": list(azimuth_deg),
        "elevation": list(rng.uniform(-20, 20, (num_sweeps, 20))),
    }
    return {f: codes_of_people(list(z_mean[f]), values.get(f)) for f in CODE.factors}


def scores_of(codes, fit_codes, quantities=QUANTITIES, code=CODE):
    calibration = calibrate(
        {f: fit_codes[f].latents(code.slice(f)) for f in quantities},
        {f: fit_codes[f].values for f in quantities},
        quantities,
        step=1,
    )
    network = types.SimpleNamespace(code=code)
    evaluated = Evaluated(network, {}, codes, fit_codes, quantities, calibration)
    return make_scores(evaluated, {factor: [ERRORS] for factor in code.factors})


@pytest.fixture(autouse=True, scope="module")
def few_samples():
    """For intervals, to be quick: how many is `test_bootstrap`'s affair."""
    with pytest.MonkeyPatch.context() as patch:
        few = functools.partial(bootstrap_intervals, num_resamples=20)
        patch.setattr(intervals, "bootstrap_intervals", few)
        yield


@pytest.fixture
def scores():
    return scores_of(codes_of(6, seed=0), codes_of(50, seed=1))


def paths(node, prefix=()):
    """Every key path of nested dicts."""
    if not isinstance(node, dict):
        return {prefix}
    return set().union(*(paths(value, (*prefix, key)) for key, value in node.items()))


def test_a_perfect_circle_is_cut_where_it_jumps(scores):
    azimuth = scores["factors"]["azimuth"]
    assert azimuth["cut"] == pytest.approx(CUT, abs=1)  # 1,000 angles on 360 degrees
    assert azimuth["spearman"] == pytest.approx(-1, abs=0.01)
    assert azimuth["pearson"] == pytest.approx(-1, abs=0.01)
    assert azimuth["r2_calibrated"] > 0.999
    assert azimuth["mean_absolute_error"] < 1
    assert azimuth["circular_linear"] == pytest.approx(np.sqrt(6) / np.pi, abs=0.05)
    assert azimuth["selectivity"] > 50
    assert azimuth["own_share"] == 1
    assert azimuth["consistency"] > 0.9
    assert azimuth["invariance"] == 1


def test_a_misread_angle_beside_the_cut_is_a_small_error():
    """It costs R² as an angle from the cut; the shorter way round, next to nothing."""
    codes, fit = codes_of(6, seed=0), codes_of(50, seed=1)
    codes["azimuth"].values[0][0] = CUT + 1
    codes["azimuth"].z_mean[0][0, 0] = -359.0 / 90  # as if it were a degree before the cut
    azimuth = scores_of(codes, fit)["factors"]["azimuth"]
    assert azimuth["mean_absolute_error"] < 1
    assert azimuth["r2_calibrated"] > 0.999


def test_a_latent_that_never_moves(scores):
    elevation = scores["factors"]["elevation"]
    assert np.isnan(elevation["pearson"])
    assert np.isnan(elevation["selectivity"])
    assert elevation["r2_calibrated"] == pytest.approx(0, abs=0.05)
    assert elevation["mean_absolute_error"] == pytest.approx(10, abs=1)  # of what is even on ±20
    assert "constant" in scores["why_null"]["elevation"]["pearson"]
    assert "circular_linear" not in elevation


def test_a_factor_without_values_is_scored_without_them(scores):
    light = scores["factors"]["light"]
    assert set(light) == {*LINEAR_SCORES, *SWEEP_SCORES}
    assert np.isnan([light[name] for name in LINEAR_SCORES]).all()
    reasons = scores["why_null"]["light"]
    assert set(reasons) == set(LINEAR_SCORES)
    assert set(reasons.values()) == {"the dataset holds no true values of this factor"}
    assert light["own_share"] == 1
    assert light["consistency"] > 0.95
    assert "light" not in scores["values"]


def test_intrinsic_has_what_needs_neither_value_nor_one_latent(scores):
    expected = {"own_share", "consistency", "invariance", "novel_view_ratio"}
    assert set(scores["factors"]["intrinsic"]) == expected
    assert scores["factors"]["intrinsic"]["invariance"] < 0.2  # noise in azimuth's latent


def test_movement_in_scores_is_that_of_the_codes(scores):
    codes = codes_of(6, seed=0)
    matrix = sweep_variance.movement_matrix({f: codes[f].z_mean for f in CODE.factors}, CODE)
    np.testing.assert_array_equal(scores["movement"]["variance"], matrix)
    assert scores["num_sweeps"] == dict.fromkeys(CODE.factors, 6)


# --- what the data do not hold --------------------------------------------------------


def test_without_validation_sweeps_what_is_fitted_is_null():
    nothing = {f: codes_of_people([], [] if f in QUANTITIES else None) for f in CODE.factors}
    scores = scores_of(codes_of(6, seed=0), nothing)
    why = scores["why_null"]["azimuth"]
    assert set(why) == {*LINEAR_SCORES, "far_off_share", "cut"}
    assert set(why.values()) == {"no validation sweep varies this factor"}
    assert scores["factors"]["azimuth"]["circular_linear"] > 0.7
    why = scores["why_null"]["elevation"]
    assert why["mean_absolute_error"] == "no validation sweep varies this factor"
    assert "constant" in why["pearson"]


def test_a_factor_without_test_sweeps_spoils_no_other():
    codes = codes_of(6, seed=0)
    codes["elevation"] = codes_of_people([], [])
    scores = scores_of(codes, codes_of(50, seed=1))
    why = scores["why_null"]["elevation"]
    assert set(why) == {*LINEAR_SCORES, *SWEEP_SCORES} - {"novel_view_ratio"}  # given from outside
    assert set(why.values()) == {"no test sweep varies this factor"}
    assert scores["factors"]["azimuth"]["selectivity"] > 50
    assert scores["num_sweeps"]["elevation"] == 0


def test_one_sweep_cannot_be_compared():
    scores = scores_of(codes_of(1, seed=0), codes_of(50, seed=1))
    assert np.isnan(scores["factors"]["azimuth"]["consistency"])
    reason = "one sweep cannot be compared with another"
    assert scores["why_null"]["azimuth"] == {"consistency": reason, "invariance": reason}


def test_infinite_is_told_from_undefined():
    codes = codes_of(6, seed=0)
    for factor in ("elevation", "light", "intrinsic"):
        for sweep in codes[factor].z_mean:
            sweep[:, 0] = 0
    why = scores_of(codes, codes_of(9, seed=1))["why_null"]
    assert "infinite" in why["azimuth"]["selectivity"]


@st.composite
def irregular_codes(draw):
    """Few sweeps of few images with ties, or none; what is constant is so by chance."""
    codes = {}
    for factor in CODE.factors:
        lengths = draw(st.lists(st.integers(1, 4), max_size=3))
        rng = np.random.default_rng(draw(st.integers(0, 999)))
        z_mean = [rng.integers(-2, 3, (n, 6)).astype(np.float32) for n in lengths]
        values = [rng.choice([0.0, 1.0, 1.0, -2.5, 90.0], n) for n in lengths]
        codes[factor] = codes_of_people(z_mean, values if factor in QUANTITIES else None)
    return codes


@given(codes=irregular_codes(), fit_codes=irregular_codes())
@settings(max_examples=150)
def test_irregular_data_give_a_number_or_a_reason(codes, fit_codes):
    scores = scores_of(codes, fit_codes)
    for factor, own in scores["factors"].items():
        null = {name for name, value in own.items() if not np.isfinite(value)}
        assert null == set(scores["why_null"].get(factor, {}))
        for name in ("pearson", "spearman", "circular_linear"):
            assert name not in own or not abs(own[name]) > 1 + 1e-9
        if factor in QUANTITIES and codes[factor].z_mean and fit_codes[factor].z_mean:
            assert factor == "azimuth" or np.isfinite(own["mean_absolute_error"])
            assert not own["mean_absolute_error"] > (180 if factor == "azimuth" else 92.5)
    assert scores_table(scores)


# --- file and table -------------------------------------------------------------------


def test_what_guessing_gives_stands_beside(scores):
    """Of angles that are even all the way round, and of ones that are even on ±20°."""
    assert scores["values"]["azimuth"]["guessing_error"] == pytest.approx(90, abs=8)
    assert scores["values"]["elevation"]["guessing_error"] == pytest.approx(10, abs=1)
    none = {factor: codes_of_people([], []) for factor in CODE.factors}
    nothing = scores_of(none, none)
    assert np.isnan(nothing["values"]["azimuth"]["guessing_error"])


def test_file_is_strict_json_laid_out_as_documented(scores, tmp_path):
    path = tmp_path / "evaluation" / "scores.json"
    write_scores(scores, path)
    stored = json.loads(path.read_text(), parse_constant=pytest.fail)  # called for NaN, Infinity
    assert stored["factors"]["elevation"]["pearson"] is None
    assert stored["factors"]["azimuth"]["pearson"] == scores["factors"]["azimuth"]["pearson"]
    documented = json.loads(re.search(r"```json\n(.*?)```", DOCUMENT.read_text(), re.S)[1])
    assert paths(stored) == paths(documented)
    assert stored["schema_version"] == documented["schema_version"]


def test_every_score_is_documented():
    text = DOCUMENT.read_text()
    assert all(f"| `{name}` |" in text for name in (*VALUE_SCORES, *SWEEP_SCORES))


def test_infinity_becomes_null(tmp_path):
    write_scores({"a": [np.inf, {"b": -np.inf}, 1.5]}, tmp_path / "s.json")
    stored = json.loads((tmp_path / "s.json").read_text())
    assert stored["a"] == [None, {"b": None}, 1.5]


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "scores.json"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(UserError, match="disk full"):
        write_scores({"a": 1.0}, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["scores.json"]


def blocks_of(text):
    return [block.splitlines() for block in text.split("\n\n")]


def test_table_shows_every_score_in_aligned_columns(scores):
    text = scores_table(scores)
    split, by_value, single, new_views, *others = blocks_of(text)
    by_sweep, movement, reconstruction, reasons = others
    assert split == ["Test split. In brackets: 95% intervals over identities."]
    for table, columns in ((by_value, READ), (single, FOLLOWED)):
        assert re.split(" {2,}", table[0])[1:] == [score.title for score in columns]
        named = [line.split()[0] for line in table[1:] if line[0] != " "]  # or second lines
        assert named == ["azimuth", "elevation"]
    assert by_value[1].split()[1].endswith("°")
    azimuth, elevation = (line.split() for line in single[1:])
    assert azimuth[-1] == f"{scores['factors']['azimuth']['cut']:.3f}°"
    assert elevation[-2:] == ["–", "–"]
    assert [line.split()[:2] for line in by_sweep[1:]] == [[f, "6"] for f in CODE.factors]
    assert by_sweep[4].split()[2] == "–"  # an intrinsic latent has nothing to be selective about
    assert reconstruction[1].split()[:3] == ["this", "network", "1.2500e-02"]
    for lines in (by_value, single, new_views, by_sweep, movement[:-1], reconstruction):
        assert len({len(line) for line in lines}) == 1
    assert any(line.startswith("Not known of light: Pearson, Spearman") for line in reasons)
    assert max(map(len, text.splitlines())) <= 100


def test_table_says_what_was_scored(scores):
    def first(**changes) -> str:
        text = scores_table({**scores, "intervals": {}, **changes})
        return " ".join(text.split("\n\n")[0].split())

    views = "views that training never saw, of identities that it saw"
    half = "half of it, the calibration fitted on the other half."
    assert first() == "Test split."  # of an earlier release
    assert first(held_out=views) == f"Test split ({views})."
    assert first(split="validation") == f"Validation split: {half}"
    assert first(split="validation", held_out=views) == f"Validation split ({views}): {half}"


def test_every_score_of_a_factor_is_shown():
    shown = {score.path.rpartition(".")[-1] for score in (*READ, *FOLLOWED, *NEW_VIEWS, *ANSWERS)}
    assert {*VALUE_SCORES, *SWEEP_SCORES} <= shown


def test_table_without_any_value_says_why():
    codes = {factor: codes_of_people(c.z_mean) for factor, c in codes_of(6, seed=0).items()}
    text = scores_table(scores_of(codes, codes, quantities={}))
    assert "against true values" not in text
    unknown = ", ".join(TITLES[name] for name in LINEAR_SCORES)
    assert f"Not known of azimuth, elevation, light: {unknown}." in " ".join(text.split())


def test_a_published_error_stands_beside_ours(scores):
    text = scores_table({**scores, "reference_mse": {"the paper's": 2.7722e-4}})
    header, *rows = (re.split(" {2,}", line) for line in blocks_of(text)[-2])
    assert header == ["reconstruction", "mean squared error", "PSNR", "SSIM"]
    assert rows == [
        [
            *("this network", "1.2500e-02 [1.0000e-02, 1.5000e-02]"),
            *("19.1 dB [18.2, 20.0]", "0.875 [.750, 1.000]"),
        ],
        ["the paper's", "2.7722e-04", "–", "–"],
    ]


def test_errors_without_a_network_stand_beside_ours(scores):
    without = {
        **{"principal_components": 2e-3, "mean_image": 4e-2, "contrast": 9e-2},
        **{"foreground_share": 0.25, "num_components": 200, "num_images": 4000},
    }
    scores["intervals"]["reconstruction_baselines.mean_image"] = (3e-2, 5e-2)
    text = scores_table({**scores, "reconstruction_baselines": without})
    table = blocks_of(text)[-2]
    others = [re.split(" {2,}", line)[:2] for line in table[3:-2]]
    assert others == [
        ["200 principal components", "2.0000e-03"],
        ["mean training picture", "4.0000e-02"],
        ["", "[3.0000e-02, 5.0000e-02]"],
        ["plain grey", "9.0000e-02"],
    ]
    assert table[-2:] == [
        "Components and mean are of 4,000 pictures of training sweeps.",
        "25% of a picture is not background (its commonest level).",
    ]


def test_the_papers_error_is_that_of_its_chairs_at_its_size():
    chairs, faces = (dataset_facts(load_preset(data, "paper")) for data in ("chairs", "faces"))
    published = chairs.reference_mse((150, 150, 1)).values()
    assert list(published) == pytest.approx([2.7722e-4, 8.3166e-4])
    assert not chairs.reference_mse((70, 70, 1))
    assert not faces.reference_mse((150, 150, 1))


def test_table_is_the_same_from_the_stored_file(scores, tmp_path):
    write_scores(scores, tmp_path / "scores.json")
    assert scores_table(json.loads((tmp_path / "scores.json").read_text())) == scores_table(scores)


def test_table_of_a_file_of_the_first_schema(scores):
    """Of a run that was evaluated before the scores of sweeps and calibration were added."""
    for key in ("values", "why_null"):
        del scores[key]
    for own in scores["factors"].values():
        for name in (
            "own_share",
            "consistency",
            "invariance",
            "r2_calibrated",
            "mean_absolute_error",
        ):
            own.pop(name, None)
    table = blocks_of(scores_table({**scores, "schema_version": 1}))
    assert any(line.startswith("azimuth") and "0.500" in line for line in table[1])


TURN = GraphicsCode({"azimuth": 2, "intrinsic": 3})


def turning_codes(num_sweeps, seed, blur):
    """Azimuth's two latents run round a circle, blurred; identity stays as it is."""
    rng = np.random.default_rng(seed)
    azimuth_deg = rng.uniform(-180, 180, (num_sweeps, 20))
    z_mean = rng.normal(size=(num_sweeps, 1, 5)).repeat(20, axis=1)
    turn = np.radians(azimuth_deg)
    z_mean[..., :2] = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    z_mean[..., :2] += rng.normal(0, blur, (num_sweeps, 20, 2))
    codes = codes_of_people(list(z_mean), list(azimuth_deg))
    return {"azimuth": codes, "intrinsic": codes_of_people([codes.z_mean[0][:1]])}


def test_two_latents_tell_a_circle_all_the_way_round(tmp_path):
    azimuth = {"azimuth": QUANTITIES["azimuth"]}
    scores = scores_of(turning_codes(6, 0, 0.1), turning_codes(50, 1, 0.1), azimuth, TURN)
    own = scores["factors"]["azimuth"]
    blur_deg = np.degrees(0.1)
    assert own["mean_absolute_error"] == pytest.approx(blur_deg * np.sqrt(2 / np.pi), rel=0.15)
    assert own["median_absolute_error"] == pytest.approx(0.674 * blur_deg, rel=0.15)
    assert own["far_off_share"] == 0
    assert own["r2_calibrated"] > 0.99
    assert own["own_share"] == 1
    takes_one = ("pearson", "spearman", "circular_linear", "cut")
    reason = "it is told by 2 latents, and this takes one"
    assert scores["why_null"]["azimuth"] == {
        **dict.fromkeys(takes_one, reason),
        "selectivity": "infinite: what it is divided by is zero",
    }
    write_scores(scores, tmp_path / "scores.json")
    assert scores_table(scores) == scores_table(json.loads((tmp_path / "scores.json").read_text()))
    shown = " ".join(scores_table(scores).split())
    assert "Not known of azimuth: Pearson, Spearman, circular correlation, cut. Reason" in shown
    assert "a single latent" not in shown


def test_readings_far_off_are_counted():
    azimuth = {"azimuth": QUANTITIES["azimuth"]}
    codes = turning_codes(10, 0, 0.0)
    for sweep in codes["azimuth"].z_mean:
        sweep[:5, :2] *= -1  # a quarter of the images, taken for the other side
    own = scores_of(codes, turning_codes(50, 1, 0.1), azimuth, TURN)["factors"]["azimuth"]
    assert own["far_off_share"] == 0.25
    assert own["median_absolute_error"] < 1
    assert own["mean_absolute_error"] == pytest.approx(45, abs=1)


@pytest.mark.parametrize("low", [-60, 300])  # the same angles, by other numbers
def test_a_part_of_a_circle_that_the_latent_does_not_tell(low):
    """It scores what the mean would, wherever the arc lies."""
    codes, fit = codes_of(40, seed=0), codes_of(50, seed=1)
    for part in (codes, fit):
        rng = np.random.default_rng(len(part["azimuth"].z_mean))
        arc = rng.uniform(low, low + 140, (len(part["azimuth"].z_mean), 20))
        part["azimuth"].values[:] = list(np.where(arc < 360, arc, arc - 360))
        for z_mean in part["azimuth"].z_mean:
            z_mean[:, 0] = rng.normal(size=20)
    scores = scores_of(codes, fit)
    assert scores["factors"]["azimuth"]["r2_calibrated"] == pytest.approx(0, abs=0.05)
    assert scores["factors"]["azimuth"]["mean_absolute_error"] == pytest.approx(35, abs=2)
    assert scores["values"]["azimuth"]["guessing_error"] == pytest.approx(35, abs=2)


def with_azimuths(codes, azimuth_deg, latent):
    """The same codes, but of these azimuths, [sweeps, images], each with its latent."""
    codes["azimuth"].values[:] = list(azimuth_deg)
    for sweep, z in zip(codes["azimuth"].z_mean, latent, strict=True):
        sweep[:, 0] = z
    return codes


def test_an_arc_is_cut_open_opposite_to_it():
    """There is nothing to jump: counted from anywhere in the gap the angles are in order."""
    made = []
    for num_sweeps in (10, 30):
        arc = np.random.default_rng(num_sweeps).uniform(-60, 80, (num_sweeps, 20))
        made.append(with_azimuths(codes_of(num_sweeps, 0), arc % 360, arc / 50))
    scores = scores_of(*made)
    azimuth = scores["factors"]["azimuth"]
    assert azimuth["cut"] == pytest.approx(190, abs=2)
    assert azimuth["pearson"] == pytest.approx(1)
    assert azimuth["spearman"] == pytest.approx(1)
    assert "azimuth" not in scores["why_null"]


def test_a_circle_that_is_not_calibrated_has_no_cut_and_says_so():
    made = []
    for num_sweeps in (10, 30):
        rng = np.random.default_rng(num_sweeps)
        angles, noise = rng.uniform(0, 360, (num_sweeps, 20)), rng.normal(size=(num_sweeps, 20))
        made.append(with_azimuths(codes_of(num_sweeps, 0), angles, noise))
    why = scores_of(*made)["why_null"]["azimuth"]
    assert set(why) == {"cut", "pearson", "spearman"}
    assert set(why.values()) == {"it is not calibrated: where to cut the circle is not known"}
