"""Runs side by side: `dcign-tf compare DIR1 DIR2 …`."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dcign_tf.codec import Codec
from dcign_tf.datasets.sweeps import SweepDataset
from dcign_tf.errors import UserError
from dcign_tf.evaluation.compared_scores import EvaluatedRun, compare_runs
from dcign_tf.evaluation.evaluate import current_scores, evaluate_run, open_data
from dcign_tf.evaluation.figures.catalogue import COMPARISON_NUMBERS, numbered, pictures
from dcign_tf.evaluation.figures.error_curves import can_be_drawn, rerendering
from dcign_tf.evaluation.figures.style import save_figure
from dcign_tf.evaluation.report.comparison_tables import comparison_tables
from dcign_tf.evaluation.report.documents import document
from dcign_tf.evaluation.report.tables import as_text
from dcign_tf.evaluation.side_by_side import choose_examples, comparison_sheet, turn
from dcign_tf.files import check_writable, write_json, write_text, writing
from dcign_tf.model.dcign import DCIGN
from dcign_tf.quantities import quantities
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.comparable import comparable_runs
from dcign_tf.runs.directory import InUse, RunDirectory


def compare(
    directories: Sequence[str | os.PathLike],
    output: str | os.PathLike | None = None,
    *,
    data_dir: str | None = None,
    checkpoint: str = "last",
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Compares runs on the same data; those without current scores are evaluated first.

    Runs that differ in their seed alone are shown as one, with their spread. What is compared is
    the split that the others' scores are of, if any are there; otherwise the test split.

    Args:
        directories: run directories of trainings, two or more.
        output: where `comparison.json`, `.md`, `.html` and the figures go; `comparison/`
            in the first run directory without it.
        data_dir: where datasets lie, if not where they did when the first run was trained.
        checkpoint: `"last"` or `"best"`, of each run.
        show: takes lines of progress.

    Returns:
        What `comparison.json` holds (docs/scores.md).

    Raises:
        UserError: if they cannot be compared (`comparable_runs`), or one not be evaluated.
    """
    runs = comparable_runs(directories)
    first = next(iter(runs.values()))
    output = pathlib.Path(output or first.comparison)
    check_writable(output, is_folder=True)
    data = open_data(first, data_dir)
    factor_quantities = quantities(data.values, data.periods)
    scored = (run.read_scores() for run in runs.values())
    split = next((scores.get("split", "test") for scores in scored if scores), "test")
    examples = choose_examples(data.sweeps(split), factor_quantities)
    evaluated, turned = {}, {}
    for name, run in runs.items():
        model, scores = _evaluated(run, data, checkpoint, split, show)
        evaluated[name] = EvaluatedRun(run.read_config(), scores, run.steps_before())
        if examples:
            network = Codec(model).rearranged(model.calibration.latents)
            turned[name] = turn(network, model.calibration, examples)
    compared = {
        **compare_runs(evaluated),
        "dataset": evaluated[next(iter(runs))].config["dataset"],
        "data_fingerprint": data.fingerprint,
        "split": split,
        "checkpoint": checkpoint,
    }
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
        curves = {name: run.scores["rerendering"] for name, run in evaluated.items()}
        drawn = {}
        if can_be_drawn(next(iter(curves.values()))):
            drawn["comparison"] = rerendering(curves, factor_quantities, compared["groups"])
        if examples:
            # Of several seeds the pictures of the first one will do.
            shown_runs = [names[0] for names in compared["groups"].values()]
            columns = {name: turned[name] for name in shown_runs}
            drawn["entangled"] = comparison_sheet(examples, columns)
        files = {output / f"{numbered(k, COMPARISON_NUMBERS)}.png": f for k, f in drawn.items()}
        for path, figure in files.items():
            save_figure(figure, path)
        shown = []
        for picture in pictures(output, (), COMPARISON_NUMBERS):
            if picture.path in files:
                shown.append(picture)
            elif picture.section == "comparison":  # of before: it would be taken for one of these
                picture.path.unlink()
        title = f"{compared['dataset']}, {split} split: " + " beside ".join(compared["groups"])
        tables = comparison_tables(compared)
        contents = {"title": title, "tables": tables, "pictures": {"rerendering": shown}}
        markdown = document("comparison.md.jinja", **contents)
        html = document("comparison.html", **contents)
    write_text(output / "comparison.md", markdown)
    write_text(output / "comparison.html", html)
    write_json(output / "comparison.json", compared)
    if tables["rerendering"]:
        show(as_text(tables["rerendering"]))
    show(f"Tables and figures are in {output}")
    return compared


def _evaluated(
    run: RunDirectory,
    data: SweepDataset,
    checkpoint: str,
    split: str,
    show: Callable[[str], None],
) -> tuple[DCIGN, Mapping[str, Any]]:
    """The model and its scores; evaluated here if there are none, or of other weights."""
    model = load_model(run.checkpoint(checkpoint))
    scores = current_scores(run, model)
    if scores is None:
        show(f"{run.path} has no scores of these weights yet.")
        _check_not_in_use(run)  # or its checkpoint would not get the calibration
        evaluate_run(run, data=data, checkpoint=checkpoint, split=split, show=show)
        model = load_model(run.checkpoint(checkpoint))
        scores = current_scores(run, model)
    if scores is None:  # a training began in the meantime
        _check_not_in_use(run)
        raise UserError(f"{run.path} was changed while it was evaluated. Compare it again.")
    return model, scores


def _check_not_in_use(run: RunDirectory) -> None:
    try:
        with run.locked():
            pass
    except InUse as error:
        raise UserError(
            f"{run.path} is in use, and has no scores of its weights: compare it when that has"
            " ended."
        ) from error
