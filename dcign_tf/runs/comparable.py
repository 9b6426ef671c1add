"""Which runs can be put side by side, and what they are called there."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dcign_tf.errors import UserError
from dcign_tf.runs.directory import RunDirectory


def comparable_runs(directories: Sequence[str | os.PathLike]) -> dict[str, RunDirectory]:
    """Runs trained on the same data, and scored on the same split of them, by name.

    Args:
        directories: run directories of trainings.

    Returns:
        The name of each directory, with as many of those above it as it takes to tell
        all apart, to the run; in the order given.

    Raises:
        UserError: if there are not two different ones, one is no run directory, or they
            were trained on different data, or have scores of different splits.
    """
    runs = [RunDirectory(path) for path in directories]
    if len(runs) < 2:
        raise UserError("Comparing takes two run directories: dcign-tf compare DIR1 DIR2")
    for run in runs:
        run.read_config()  # says if it is no run directory
    first, *others = runs
    fingerprint = first.read_environment().get("data_fingerprint")
    for run in others:
        other = run.read_environment().get("data_fingerprint")
        if other != fingerprint:
            raise UserError(
                f"{run.path} was trained on other data (fingerprint {other}) than {first.path}"
                f" ({fingerprint}): only runs on the same data can be compared."
            )
    read = ((run, run.read_scores()) for run in runs)
    # There were none but test scores before they said so.
    scored = {scores.get("split", "test"): run for run, scores in read if scores}
    if len(scored) > 1:
        (split, run), (other_split, other), *_ = scored.items()
        raise UserError(
            f"{run.path} has scores of the {split} split, {other.path} of the {other_split} split:"
            f" dcign-tf evaluate --workdir={other.path} --split={split} makes them comparable."
        )
    paths = [run.path.resolve() for run in runs]
    for path in paths:
        if paths.count(path) > 1:
            raise UserError(f"{path} is given twice; a run is compared with others.")
    depth = 1
    while len(set(names := ["/".join(path.parts[-depth:]) for path in paths])) < len(runs):
        depth += 1
    return dict(zip(names, runs, strict=True))
