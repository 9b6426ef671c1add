"""Names of figures, and which are the paper's."""

from __future__ import annotations

import pytest

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.evaluation.figures.names import numbered, of_factor, without_number


def test_faces_have_the_papers_figures_of_faces_and_chairs_its_chairs():
    faces = dataset_facts("faces").paper_figures
    assert sorted(faces.values()) == [4, 4, 5, 6]
    assert dataset_facts("dcign_torch7").paper_figures == faces
    assert set(dataset_facts("chairs").paper_figures.values()) == {8}
    assert numbered("traversal_azimuth", faces) == "figure_5_traversal_azimuth"
    assert not dataset_facts("manifest").paper_figures
    assert numbered("traversal_azimuth", {}) == "traversal_azimuth"
    assert numbered("movement", faces) == "movement"


@pytest.mark.parametrize("name", ["equivariance", "traversal_azimuth", "traversal_figure_4_x"])
def test_numbers_come_off_again(name):
    assert without_number(name) == (name, None)
    assert without_number(numbered(name, {name: 12})) == (name, 12)


def test_a_factor_may_be_called_anything():
    assert of_factor("ordered", "light/dark, 2") == "ordered_light_dark_2"
    assert of_factor("ordered", "größe_cm") == "ordered_größe_cm"
