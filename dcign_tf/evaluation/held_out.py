"""Which sweeps are scored, and on which what their scoring needs is fitted: on other people's.

The test split is scored with what is fitted on the validation split. The validation split is
scored in half: what is fitted is fitted on the other half of its people, or sweeps of one object.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcign_tf.datasets.sweeps import SweepDataset, Sweeps, picked, shown_identities
from dcign_tf.factors import INTRINSIC

SPLITS = ("test", "validation")
"""What can be scored."""


def held_out_sweeps(
    data: SweepDataset, split: str
) -> tuple[Mapping[str, Sweeps], Mapping[str, Sweeps]]:
    """Factor to the sweeps to fit on, and factor to those to score.

    Args:
        data: prepared.
        split: one of `SPLITS`.

    Returns:
        Of `validation`, sweeps of every other person to fit on, those of the others to score;
        sweeps that do not name their `identity`, or are all of the same, count as of one each.
        Nothing is fitted on
        intrinsic sweeps, which show several people: all are scored.

    Raises:
        ValueError: for another split.
    """
    if split not in SPLITS:
        raise ValueError(f"Unknown split '{split}'; it is one of {', '.join(SPLITS)}.")
    validation = data.sweeps("validation")
    if split == "test":
        return validation, data.sweeps("test")
    people = {
        factor: [int(shown_identities(sweeps[i], i)[0]) for i in range(len(sweeps))]
        for factor, sweeps in validation.items()
        if factor != INTRINSIC
    }
    everybody = sorted({person for of_factor in people.values() for person in of_factor})
    if len(everybody) == 1:  # one object; a factor's sweeps have no picture in common
        people = {factor: list(range(len(own))) for factor, own in people.items()}
        everybody = list(range(max(map(len, people.values()))))
    chosen = set(everybody[::2])
    fit, scored = {}, {}
    for factor, sweeps in validation.items():
        is_fit = [person in chosen for person in people.get(factor, [])]
        is_fit = is_fit or [False] * len(sweeps)
        fit[factor] = picked(sweeps, [i for i, own in enumerate(is_fit) if own])
        scored[factor] = picked(sweeps, [i for i, own in enumerate(is_fit) if not own])
    return fit, scored
