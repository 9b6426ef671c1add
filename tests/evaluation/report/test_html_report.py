"""The page of a run: all that its scores have, nothing that they have not, and every figure."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.evaluation.metrics.disentanglement import disentanglement_scores
from dcign_tf.evaluation.metrics.recognition import recognition_scores
from dcign_tf.evaluation.report import html_report
from dcign_tf.evaluation.report.html_report import write_report
from dcign_tf.evaluation.scores import write_scores
from dcign_tf.files import write_json
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from dcign_tf.runs.directory import RunDirectory
from tests.helpers import ROOT
from tests.helpers.html_reading import check_page, embedded

DOCUMENT = ROOT / "docs" / "scores.md"
CONFIG = {
    "dataset": "faces",
    "data_dir": "data",
    "preset": "quick",
    "procedure": "clamped",
    "num_steps": 6500,
    "seed": 3,
    "data": {"image_size": 70, "channels": 1, "seed": 4},
}
ENVIRONMENT = {
    "tensorflow": "2.21.0",
    "keras": "3.15.1",
    "python": "3.11.7",
    "devices": ["/physical_device:CPU:0"],
    "threads": 2,
    "precision": "mixed_bfloat16",
    "commit": "abc1234",
    "command": "python train.py --dataset=faces '--config.factor_ratios=((0,(1, 1)))'",
}
FACTORS = ["azimuth_deg", "elevation_deg", "coefficient_1"]
SHAPE = {
    "vertex_error_mm": 3.25,
    "pooled_error_mm": 2.75,
    "mean_face_error_mm": 4.5,
    "num_identities": 100,
    "num_fit_identities": 2000,
}


@pytest.fixture
def documented():
    """The scores of docs/scores.md: a circle, a latent that is constant, one without values."""
    return json.loads(re.search(r"```json\n(.*?)```", DOCUMENT.read_text(), re.S)[1])


@pytest.fixture(scope="module")
def of_people():
    """Disentanglement, recognition and shape as they are computed."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(60, 3))
    codes = np.concatenate([factors, rng.normal(size=(60, 2))], axis=1)
    return {
        "disentanglement": {
            "factors": FACTORS,
            "num_images": 60,
            "num_identities": 12,
            **disentanglement_scores(codes, factors),
        },
        "recognition": recognition_scores(
            {"intrinsic latents": codes, "pixels": codes[:, 3:]},
            np.repeat(np.arange(12), 5),
            {"azimuth_deg": 30 * factors[:, 0]},
            num_random=2,
        ),
        "shape": SHAPE,
    }


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.evaluation.mkdir(parents=True)
    return run


@pytest.fixture
def made(run):
    def make(scores, config=CONFIG, environment=ENVIRONMENT):
        write_json(run.config_file, config)
        write_json(run.environment_file, environment)
        write_scores(scores, run.evaluation / "scores.json")
        return check_page(write_report(run).read_text(encoding="utf-8"))

    return make


def words(reader, tag):
    return reader.text.get(tag, [])


def row(reader, name):
    """The entries of the first table row that is headed so."""
    head = rf"<th scope=\"row\">{name}(?:<small>.*?</small>)?</th>"
    cells = re.search(rf"{head}(.*?)</tr>", html.unescape(reader.source))[1]
    return re.findall(r"<td>(.*?)</td>", cells)


def test_what_was_trained_and_how(run, made, documented):
    for step, seconds in ((100, 6.0), (5000, 570.0), (6000, 900.0)):
        run.append_metrics({"step": step, "seconds": seconds})
    page = made(documented)
    told = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.source))
    assert words(page, "h1") == ["DC-IGN on faces (quick preset)"]
    assert told["Pictures"] == "70 × 70, 1 channel"
    assert told["Training steps"] == "5,000 of 6,500"
    assert told["Training time"] == "9 min 30 s"  # up to the scored step
    assert told["Machine"] == "CPU:0, 2 threads, mixed_bfloat16"
    assert told["Seeds"] == "3; of the data 4"
    commit, command = words(page, "code")
    assert commit == "abc1234"
    files = words(page, "pre")
    assert command.split(" \\\n  ") == [
        "python train.py",
        "--dataset=faces",
        "'--config.factor_ratios=((0,(1, 1)))'",
    ]
    config, environment = map(json.loads, files)
    before = {"batches_per_step": 1, "latents_per_factor": [1], "beta": 1.0}
    assert (config, environment) == ({**before, **CONFIG}, ENVIRONMENT)


def test_steps_of_the_runs_before_are_told(made, documented):
    before = [{"command": "train", "step": step, "commit": None} for step in (900, 250)]
    page = made(documented, environment={**ENVIRONMENT, "trained_before": before})
    told = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.source))
    expected = "5,000 of 6,500, after 1,150 of the runs whose weights it began with"
    assert told["Training steps"] == expected


def test_scores_stand_beside_what_guessing_gives(made, documented):
    page = made(documented)
    assert row(page, "azimuth") == [
        *("12.5°<small>[10, 15]</small>", "90°", "8°<small>[7, 9]</small>"),
        *("1.0%<small>[0.0, 3.0]</small>", "0.800<small>[.700, .900]</small>"),
    ]
    assert row(page, "elevation")[:2] == ["10°<small>[9.5, 10.5]</small>", "10°"]
    assert "In brackets: 95% intervals over identities." in words(page, "p")[0]
    assert page.attributes("class").count("card") == 4  # three factors and the reconstruction
    remark = "[10, 15] mean error of reading it off a picture; guessing: 90°"
    assert remark in words(page, "div")
    assert "error of new views; leaving the picture as it is: 1" in words(page, "div")
    reasons = " ".join(words(page, "li"))
    assert "Not known of light: Pearson" in reasons
    assert "the dataset holds no true values of this factor" in reasons


def test_the_papers_error_stands_beside_ours(made, documented):
    page = made({**documented, "reference_mse": {"the paper's": 2.7722e-4}})
    assert row(page, "this network") == [
        "5.0000e-03<small>[4.0000e-03, 6.0000e-03]</small>",
        *("23.5 dB<small>[22.5, 24.5]</small>", "0.850<small>[.825, .875]</small>"),
    ]
    assert row(page, "the paper's") == ["2.7722e-04", "–", "–"]


def test_rerendering_is_there_where_it_was_measured(made, documented):
    mse = {"network": 2e-3, "unchanged": 9e-3, "copy": 8e-3, "mean_image": 5e-3, "ceiling": 1e-3}
    rerendering = {
        "azimuth": {"mse": mse, "by_change": {}, "why_null": {}},
        "light": {
            "mse": dict.fromkeys(mse),
            "by_change": None,
            "why_null": dict.fromkeys(mse, "it is not known"),
        },
    }
    rerendering["azimuth"]["by_change"] = {"edges": [0, 10]}
    page = made({**documented, "rerendering": rerendering})
    tables = [
        t for t in re.findall(r"<table>.*?</table>", page.source, re.S) if "mean picture" in t
    ]
    assert re.findall(r"<td>(.*?)</td>", tables[0]) == [
        "0.250",
        "2.00e-03",
        "8.00e-03",
        "5.00e-03",
        "1.00e-03",
        "9.00e-03",
    ]
    reasons = [text for text in words(page, "li") if "it is not known" in text]
    assert reasons == ["Not known of light: re-rendering. Reason: it is not known."]


def test_people_are_there_where_the_scores_have_them(made, documented, of_people):
    page = made({**documented, **of_people})
    headings = words(page, "h2")
    assert {"Recognising people", "The shape of the face"} < set(headings)
    assert "Disentanglement, as the field measures it" in headings
    mig = of_people["disentanglement"]["mig"]
    assert row(page, "MIG")[:3] == [f"{mig['mig']:.3f}", "0", "1"]
    assert row(page, "FactorVAE")[1] == "0.33"
    assert row(page, "always the mean face") == ["4.50 mm"]
    rank1 = of_people["recognition"]["representations"]["intrinsic latents"]["rank1"]
    assert row(page, "intrinsic latents")[0] == f"{rank1:.1%}"
    assert row(page, "chance") == ["8.3%", "8.3%", "50.0%", "50.0%"]
    assert "they need pictures rendered from a face model" not in " ".join(words(page, "li"))


@pytest.mark.parametrize("name", ["disentanglement", "recognition", "shape"])
def test_what_there_is_no_score_of_has_no_section(made, documented, of_people, name):
    whole, part = made({**documented, **of_people}), made({**documented, **of_people, name: None})
    gone = set(words(whole, "h2")) - set(words(part, "h2"))
    assert len(gone) == 1
    assert len(words(part, "h2")) == len(words(part, "a"))
    without = made(documented)
    assert not gone & set(words(without, "h2"))
    assert "they need pictures rendered from a face model" in " ".join(words(without, "li"))


def test_scores_of_the_first_schema(made, documented):
    """Of a run that was evaluated before most of them were added."""
    old = {**documented, "factors": {}}
    for key in ("values", "why_null", "step", "num_image_sweeps", "intervals", "interval_level"):
        del old[key]
    for factor, own in documented["factors"].items():
        kept = ("pearson", "spearman", "selectivity", "novel_view_ratio")
        old["factors"][factor] = {name: own[name] for name in kept if name in own}
    page = made(old)
    assert row(page, "azimuth") == ["0.500"]
    assert "Factors read off one picture" not in words(page, "h2")


def test_an_entangled_network_says_where_its_latents_were_found(made, documented):
    found_latents = {"azimuth": {"latents": [17], "relative_variance": [0.5]}}
    page = made(
        {**documented, "found_latents": found_latents}, {**CONFIG, "procedure": "entangled"}
    )
    assert words(page, "h1") == ["Entangled baseline on faces (quick preset)"]
    assert row(page, "azimuth")[:2] == ["17", "0.500"]


NASTY = '<script src="http://example.org/x.js">alert("1")</script> & \'so\' \x00'


def test_names_of_the_users_are_text(run, made, documented):
    for key in ("factors", "num_sweeps", "num_image_sweeps", "values", "why_null"):
        documented[key] = {
            NASTY if name == "azimuth" else name: own for name, own in documented[key].items()
        }
    documented["values"][NASTY] = {"key": NASTY, "period": None}
    documented["why_null"][NASTY] = {NASTY: NASTY}
    Image.new("L", (8, 8)).save(run.evaluation / "<img src=x onerror=alert(1)>.png")
    page = made(
        documented,
        {**CONFIG, "preset": NASTY, "data": {"image_size": 70, NASTY: NASTY}},
        {**ENVIRONMENT, "command": NASTY, "commit": NASTY},
    )
    assert NASTY.replace("\x00", "�") in words(page, "code")
    assert "<img src=x onerror=alert(1)>" in page.attributes("alt")[0]


@pytest.fixture
def pictures(tmp_path):
    """A picture for each name, each of another grey."""
    names = [
        "figure_4_traversal_light_azimuth",
        "figure_6_equivariance",
        "novel_views",
        "ordered_elevation",
        "recognition",
        "training",
        "my_own",
    ]
    for grey, name in enumerate(names):
        Image.new("L", (40, 20), 10 * grey).save(tmp_path / f"{name}.png")
    return {name: tmp_path / f"{name}.png" for name in names}


class TestWriteReport:
    @pytest.fixture
    def run(self, documented, pictures, run):
        for of_factors in documented.values():
            if isinstance(of_factors, dict) and "light" in of_factors:
                of_factors["light_azimuth"] = of_factors.pop("light")
        write_json(run.config_file, CONFIG)
        write_json(run.environment_file, ENVIRONMENT)
        write_scores(documented, run.evaluation / "scores.json")
        for path in pictures.values():
            path.rename(run.evaluation / path.name)
        return run

    def test_every_figure_is_shown_in_its_section(self, run, pictures):
        page = check_page(write_report(run).read_text(encoding="utf-8"))
        greys = [int(picture[0, 0, 0]) for picture in embedded(page)]
        order = [
            "figure_6_equivariance",
            "ordered_elevation",
            "figure_4_traversal_light_azimuth",
            "novel_views",
            "recognition",
            "training",
            "my_own",
        ]
        assert greys == [10 * list(pictures).index(name) for name in order]
        captions = words(page, "figcaption")
        assert any(text.startswith("As Figure 6 of the paper. ") for text in captions)
        assert any("light azimuth changes evenly" in text for text in captions)
        assert "my own" in captions
        assert {"Recognising people", "Training", "Further figures"} < set(words(page, "h2"))

    def test_from_files_alone_and_again(self, run):
        path = write_report(run)
        assert path == run.evaluation / "report.html"
        text = path.read_text(encoding="utf-8")
        assert len(embedded(check_page(text))) == 7
        assert write_report(run).read_text(encoding="utf-8") == text
        azimuth = FactorCalibration("azimuth_deg", (-1, 1), (0, 0), (30, 30), reason="it is so")
        write_scores(
            Calibration({"azimuth": azimuth}).get_config(), run.evaluation / "calibration.json"
        )
        run.append_metrics({"step": 10, "seconds": 7200.0})
        text = write_report(run).read_text(encoding="utf-8")
        assert "azimuth_deg is not calibrated: it is so." in text
        assert "2 h 00 min" in text

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("evaluation/scores.json", "run dcign-tf evaluate first"),
            ("config.json", "no run directory"),
            ("environment.json", "nothing was trained"),
        ],
    )
    def test_a_file_is_missing(self, run, name, message):
        (run.path / name).unlink()
        with pytest.raises(UserError, match=message):
            write_report(run)

    def test_a_failure_leaves_the_old_page_and_nothing_else(self, run, monkeypatch):
        before = write_report(run).read_bytes()
        (run.evaluation / "training.png").write_bytes(b"no picture")
        with pytest.raises(UserError, match=r"training\.png cannot be read"):
            write_report(run)
        monkeypatch.setattr(html_report, "document", lambda *_, **__: "\ud800")
        with pytest.raises(UnicodeEncodeError):
            write_report(run)
        assert (run.evaluation / "report.html").read_bytes() == before
        assert not list(run.evaluation.glob(".*"))


def test_needs_no_tensorflow():
    command = (
        "import sys, dcign_tf.evaluation.report.html_report; sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", command], check=True)
