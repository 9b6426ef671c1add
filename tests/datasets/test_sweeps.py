"""Sweeps: who is seen in them."""

from __future__ import annotations

import numpy as np

from dcign_tf.datasets.sweeps import shown_identities

IMAGES = np.zeros((4, 1, 1, 1), np.uint8)


def test_people_are_those_of_the_images_that_are_no_repetitions():
    example = {"image": IMAGES, "identity": np.array([7, 5, 5, 5]), "distinct": 2}
    np.testing.assert_array_equal(shown_identities(example, 3), [7, 5])


def test_a_sweep_that_names_nobody_is_of_one_person_of_its_own():
    np.testing.assert_array_equal(shown_identities({"image": IMAGES}, 3), [3, 3, 3, 3])
    example = {"image": IMAGES, "distinct": 2}
    np.testing.assert_array_equal(shown_identities(example, 0), [0, 0])
