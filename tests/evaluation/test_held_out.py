"""Which sweeps are scored, and on which others what is fitted is fitted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dcign_tf.evaluation.held_out import held_out_sweeps

IMAGES = np.zeros((3, 1, 1, 1), np.uint8)
PEOPLE = st.lists(st.integers(0, 9), max_size=12)


class Data:
    """Sweeps that name who they show, or no one."""

    def __init__(self, azimuth: list[int], elevation: list[int], *, named: bool = True):
        def sweep(person: int) -> dict[str, np.ndarray]:
            own = {"identity": np.full(3, person)} if named else {"number": person}
            return {"image": IMAGES, **own}

        self._validation = {
            "azimuth": [sweep(person) for person in azimuth],
            "elevation": [sweep(person) for person in elevation],
            "intrinsic": [{"identity": np.arange(3)}] * 2,
        }

    def sweeps(self, subset: str) -> dict[str, list]:
        return {"validation": self._validation, "test": {"azimuth": ["test"]}}[subset]


def people(sweeps) -> set[int]:
    return {
        sweeps[factor][i]["identity"][0]
        for factor in ("azimuth", "elevation")
        for i in range(len(sweeps[factor]))
    }


@given(PEOPLE, PEOPLE)
def test_nobody_of_the_validation_split_is_fitted_on_and_scored(azimuth, elevation):
    fit, scored = held_out_sweeps(Data(azimuth, elevation), "validation")
    everybody = {*azimuth, *elevation}
    assume(len(everybody) != 1)
    assert people(fit) | people(scored) == everybody
    assert not people(fit) & people(scored)
    assert len(people(fit)) == (len(everybody) + 1) // 2
    assert len(fit["azimuth"]) + len(scored["azimuth"]) == len(azimuth)
    assert (len(fit["intrinsic"]), len(scored["intrinsic"])) == (0, 2)


def test_sweeps_that_name_nobody_are_parted_one_by_one():
    fit, scored = held_out_sweeps(Data([10, 11, 12], [], named=False), "validation")
    assert [fit["azimuth"][i]["number"] for i in range(2)] == [10, 12]
    assert scored["azimuth"][0]["number"] == 11


def test_sweeps_of_one_object_are_parted_one_by_one():
    data = Data([4, 4, 4], [4, 4])
    fit, scored = held_out_sweeps(data, "validation")
    validation = data.sweeps("validation")
    for factor, halves in {"azimuth": [[0, 2], [1]], "elevation": [[0], [1]]}.items():
        for half, expected in zip((fit, scored), halves, strict=True):
            assert len(half[factor]) == len(expected)
            for number, index in enumerate(expected):
                assert half[factor][number] is validation[factor][index]


def test_the_test_split_is_scored_with_what_all_of_validation_tells():
    data = Data([1, 2], [3])
    assert held_out_sweeps(data, "test") == (data.sweeps("validation"), data.sweeps("test"))


def test_another_split():
    with pytest.raises(ValueError, match="Unknown split 'train'; it is one of test, validation"):
        held_out_sweeps(Data([], []), "train")
