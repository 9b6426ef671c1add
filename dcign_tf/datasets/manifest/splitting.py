"""Which pictures are trained on, and which are held out for validation and test.

As a rule identities are held out: nobody in a held-out picture is seen in training. One object,
or a few, has views held out in place of identities. A view is a combination of the factors' values.
Views are drawn two at a time, two that differ in one factor alone, for each factor in turn: so
there are held-out sweeps of every factor.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from dcign_tf.datasets.grouped_sweeps import split_identities
from dcign_tf.datasets.grouping import Column, group_images
from dcign_tf.datasets.manifest.settings import ManifestSettings
from dcign_tf.datasets.manifest.table import Manifest
from dcign_tf.datasets.seeding import named_rng
from dcign_tf.datasets.sweeps import SUBSETS
from dcign_tf.errors import DataError

_FEWEST_VIEWS = 2  # in a sweep
_MOST_DRAWS = 50  # for each view
_HOLD_OUT_VIEWS = "--config.data.hold_out=views"


def subset_of_pictures(
    manifest: Manifest, settings: ManifestSettings, columns: Mapping[str, Column]
) -> np.ndarray:
    """Index into `SUBSETS` of each picture, int64 [N]: the manifest's, or else by chance.

    Args:
        manifest: of N pictures.
        settings: say what is held out, and how much of it.
        columns: factor to its values.

    Raises:
        DataError: if a subset gets too few, or an identity is in two of them and should not.
    """
    if manifest.subset is not None:
        _check_given(manifest, of_identities=settings.hold_out == "identities")
        return manifest.subset
    if settings.hold_out == "views":
        return _by_view(manifest, settings, columns)
    return _by_identity(manifest, settings)[manifest.identity]


def _check_given(manifest: Manifest, *, of_identities: bool) -> None:
    given = manifest.subset
    for number, subset in enumerate(SUBSETS):
        if not (given == number).any():
            raise DataError(
                f"{manifest.path}: no row has split {subset}; each of {', '.join(SUBSETS)}"
                " needs pictures. Without a column split they are chosen by chance."
            )
    first = np.unique(manifest.identity, return_index=True)[1][manifest.identity]
    parted = np.flatnonzero(given != given[first])
    if of_identities and len(parted):
        row = parted[0]
        raise DataError(
            f"{manifest.where(row)}: identity {manifest.identities[manifest.identity[row]]} is in"
            f" split {SUBSETS[given[row]]}, but in {SUBSETS[given[first[row]]]} in line"
            f" {manifest.line[first[row]]}; it can be in one alone, unless views are held out"
            f" ({_HOLD_OUT_VIEWS})."
        )


def _by_identity(manifest: Manifest, settings: ManifestSettings) -> np.ndarray:
    """Of each identity, by a seeded hash of its name."""
    return split_identities(
        manifest.identities,
        settings.held_out_shares,
        settings.seed,
        where=str(manifest.path),
        remedy=f"Hold out views of them instead ({_HOLD_OUT_VIEWS}), add some, hold fewer out"
        " (--config.data.test_fraction), or fill a column split",
    )


def _by_view(
    manifest: Manifest, settings: ManifestSettings, columns: Mapping[str, Column]
) -> np.ndarray:
    """Of each picture; pictures of one view, whomever they show, are in one subset."""
    everybody = np.zeros(len(manifest), np.int64)
    view = everybody
    for column in columns.values():
        view = column.refine(view)
    groups = group_images(np.arange(len(manifest)), everybody, columns).values()
    in_turn = itertools.cycle([of_factor for of_factor in groups if of_factor.num_groups])
    rng = named_rng(settings.seed, "views")
    subset = np.zeros(view.max() + 1, np.int64)  # of each view
    for number, share in enumerate(settings.held_out_shares, start=1):
        wanted = max(_FEWEST_VIEWS, round(share * len(subset)))
        for of_factor in itertools.islice(in_turn, _MOST_DRAWS * len(subset)):
            if (subset == number).sum() >= wanted:
                break
            pair = view[of_factor.draw(rng, 2)]
            if not subset[pair].any():
                subset[pair] = number
    return subset[view]
