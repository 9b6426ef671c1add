"""Figures: their names, which are the paper's, and that all that is drawn is in the catalogue."""

from __future__ import annotations

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.evaluation.drawing import _DRAWERS, _DRAWERS_OF_A_FACTOR
from dcign_tf.evaluation.figures.catalogue import FIGURES, numbered, of_factor, pictures
from dcign_tf.runs.presets import load_preset, presets

OF_PEOPLE = {"recognition", "shape_estimation", "sampled_people"}
OF_COMPARISONS = {"comparison", "entangled"}
OF_THE_WORST = {"worst_readings", "worst_reconstructions"}


def test_faces_have_the_papers_figures_of_faces_and_chairs_its_chairs():
    of = {d: dataset_facts(load_preset(d, "paper")).paper_figures for d in presets()}
    faces = of["faces"]
    assert sorted(faces.values()) == [4, 4, 5, 6]
    assert of["dcign_torch7"] == faces
    assert set(of["chairs"].values()) == {8}
    assert numbered("traversal_azimuth", faces) == "figure_5_traversal_azimuth"
    assert not of["manifest"]
    assert numbered("traversal_azimuth", {}) == "traversal_azimuth"
    assert numbered("movement", faces) == "movement"


def test_whatever_is_drawn_has_a_caption():
    assert {*_DRAWERS, *_DRAWERS_OF_A_FACTOR, "training"} == set(
        FIGURES
    ) - OF_PEOPLE - OF_COMPARISONS - OF_THE_WORST


def test_a_factor_may_be_called_anything():
    assert of_factor("ordered", "light_azimuth") == "ordered_light_azimuth"
    assert of_factor("ordered", "x (mm)") != of_factor("ordered", "x [mm]")


def test_figures_are_found_with_the_papers_number_and_without(tmp_path):
    a_b = of_factor("traversal", "a/b")
    names = [a_b, f"figure_5_{a_b}", "figure_9_movement", "movement", "mine"]
    for name in names:
        (tmp_path / f"{name}.png").touch()
    found = list(pictures(tmp_path, ["a/b", "c"], {a_b: 5}))
    assert [p.path.stem for p in found] == [f"figure_5_{a_b}", a_b, "movement"]
    assert [p.caption.startswith("As Figure 5 of the paper. One") for p in found] == [1, 0, 0]
    assert found[0].alt == "Rows of pictures, a/b changed from left to right."
    assert [p.section for p in found] == ["views", "views", "answers"]
