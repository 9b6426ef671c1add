"""People drawn from the code, on a decoder that shows the code itself."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dcign_tf.evaluation.figures.sheets import sheet
from dcign_tf.evaluation.figures.style import save_figure
from dcign_tf.factors import GraphicsCode
from dcign_tf.readouts.identities import IdentityDistribution, show_people

CODE = GraphicsCode.faces(8)
SCENES = [
    {"azimuth": 0.0, "elevation": 0.5, "light_azimuth": 0.0},
    {"light_azimuth": -1.5, "azimuth": 2.0, "elevation": 0.5},
]


def test_the_prior_is_standard_normal():
    drawn = IdentityDistribution.prior(5).draw(20_000, seed=0)
    assert drawn.shape == (20_000, 5)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn, rowvar=False), np.eye(5), atol=0.04)


def test_the_fitted_distribution_is_that_of_the_latents():
    rng = np.random.default_rng(1)
    z_mean = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4)) + [1, -2, 0, 5]
    distribution = IdentityDistribution.fitted(z_mean)
    np.testing.assert_allclose(distribution.mean, z_mean.mean(axis=0))
    drawn = distribution.draw(50_000, seed=0)
    np.testing.assert_allclose(drawn.mean(axis=0), z_mean.mean(axis=0), atol=0.05)
    covariance = np.cov(z_mean, rowvar=False)
    np.testing.assert_allclose(
        np.cov(drawn, rowvar=False), covariance, atol=0.04 * np.abs(covariance).max()
    )


def test_fewer_faces_than_latents_can_be_fitted():
    """Everything drawn lies where the given faces do."""
    z_mean = np.array([[0.0, 1.0, 3.0], [0.0, 2.0, 5.0]])
    drawn = IdentityDistribution.fitted(z_mean).draw(100, seed=0)
    np.testing.assert_allclose(drawn[:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(drawn[:, 2], 2 * drawn[:, 1] + 1, atol=1e-5)
    assert IdentityDistribution.fitted(z_mean[:, :1]).covariance.shape == (1, 1)


def test_a_seed_is_a_set_of_people():
    prior = IdentityDistribution.prior(3)
    np.testing.assert_array_equal(prior.draw(4, seed=1), prior.draw(4, seed=1))
    assert (prior.draw(4, seed=1) != prior.draw(4, seed=2)).all()


def test_every_person_in_every_scene():
    people = IdentityDistribution.prior(5).draw(3, seed=0)
    codes = show_people(lambda z: z, CODE, people, SCENES)
    assert codes.shape == (3, 2, 8)
    for scene, expected in enumerate([[0, 0.5, 0], [2, 0.5, -1.5]]):
        np.testing.assert_array_equal(codes[:, scene, :3], np.tile(expected, (3, 1)))
        np.testing.assert_array_equal(codes[:, scene, 3:], people)


def test_images_stand_where_their_codes_do():
    people = IdentityDistribution.prior(5).draw(3, seed=0)
    images = show_people(lambda z: z.reshape(-1, 2, 4, 1), CODE, people, SCENES)
    assert images.shape == (3, 2, 2, 4, 1)
    codes = show_people(lambda z: z, CODE, people, SCENES)
    np.testing.assert_array_equal(images.reshape(3, 2, 8), codes)


@pytest.mark.parametrize(
    ("people", "scene", "message"),
    [
        (np.zeros((2, 4)), SCENES[0], r"must be \[P, 5\]"),
        (np.zeros(5), SCENES[0], r"must be \[P, 5\]"),
        (np.zeros((2, 5)), {"azimuth": 0.0}, "it must give azimuth, elevation, light_azimuth"),
        (np.zeros((2, 5)), SCENES[0] | {"zoom": 1.0}, "gives azimuth, .*zoom"),
    ],
)
def test_what_does_not_fit_is_an_error(people, scene, message):
    with pytest.raises(ValueError, match=message):
        show_people(lambda z: z, CODE, people, [scene])


def test_one_face_is_no_distribution():
    with pytest.raises(ValueError, match="N of at least 2"):
        IdentityDistribution.fitted(np.zeros((1, 5)))


def test_a_sheet_shows_every_pixel_of_every_person(tmp_path):
    images = np.random.default_rng(0).uniform(size=(2, 3, 150, 150, 1))
    headings = {0: ["plain", "turned\n−40°", "relit"]}
    labels = {"row_labels": ["face 1", "face 2"], "title": "People"}
    figure = sheet(images, headings=headings, **labels)
    save_figure(figure, tmp_path / "people.png")
    drawn = np.asarray(Image.open(tmp_path / "people.png"))[..., 0].astype(int)
    for image in images.reshape(-1, 150, 150):
        grey = np.rint(255 * image).astype(int)
        rows, columns = np.where(drawn == grey[0, 0])
        found = [
            np.array_equal(drawn[r : r + 150, c : c + 150], grey)
            for r, c in zip(rows, columns, strict=True)
        ]
        assert sum(found) == 1
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert {"plain", "turned\n−40°", "relit", "face 1", "face 2", "People"} <= set(words)
    apart = sheet(images, headings=headings, **labels, block_rows=1)
    assert apart.get_figheight() > figure.get_figheight()
    with pytest.raises(ValueError, match="2 headings do not fit 3 columns"):
        sheet(images, headings={0: ["plain", "relit"]}, **labels)
