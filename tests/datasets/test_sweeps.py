"""Sweeps: who is seen in them, and some of their images."""

from __future__ import annotations

import numpy as np
import pytest

from dcign_tf.datasets.pictures import encode_png
from dcign_tf.datasets.sweeps import shown_identities, some_images

IMAGES = np.zeros((4, 1, 1, 1), np.uint8)


def test_people_are_those_of_the_images_that_are_no_repetitions():
    example = {"image": IMAGES, "identity": np.array([7, 5, 5, 5]), "distinct": 2}
    np.testing.assert_array_equal(shown_identities(example, 3), [7, 5])


def test_a_sweep_that_names_nobody_is_of_one_person_of_its_own():
    np.testing.assert_array_equal(shown_identities({"image": IMAGES}, 3), [3, 3, 3, 3])
    example = {"image": IMAGES, "distinct": 2}
    np.testing.assert_array_equal(shown_identities(example, 0), [0, 0])


@pytest.mark.parametrize("as_png", [False, True])
def test_some_images_are_evenly_chosen_of_those_that_are_no_repetitions(as_png):
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1).repeat(2, axis=1)
    example = {"image": [encode_png(i) for i in images] if as_png else images, "distinct": 4}
    for count, expected in ((1, [0]), (2, [0, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])):
        shown = some_images(example, count)
        assert shown.dtype == np.uint8
        np.testing.assert_array_equal(shown, images[expected])
