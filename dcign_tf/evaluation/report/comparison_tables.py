"""A comparison of runs as tables: on the screen, in `comparison.md` and in `comparison.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dcign_tf.evaluation.figures.catalogue import Picture
from dcign_tf.evaluation.report.score_catalogue import (
    BY_PATH,
    CEILING,
    EACH,
    NETWORK,
    NETWORK_OVER_GIVEN,
    UNCHANGED,
    Score,
)
from dcign_tf.evaluation.report.sections import Section, Table
from dcign_tf.quantities import Quantity, display_name, number


def comparison_sections(
    comparison: Mapping[str, Any], pictures: Sequence[Picture] = ()
) -> list[Section]:
    """What the page has: settings that differ, re-rendering, and all scores.

    Args:
        comparison: of `compared_scores.compare_runs`, or read back from `comparison.json`.
        pictures: of the comparison.
    """
    return [
        Section("What differs", tables=[_settings(comparison)]),
        Section(
            "Re-rendering at a given angle",
            "One picture of somebody never seen in training is given, and an angle. Mean squared"
            " errors against the true picture at that angle, grey values in [0, 1]. Not turned: the"
            " code of the given picture as it is, decoded. Ceiling: that of the true picture,"
            " decoded. /: divided by.",
            tables=rerendering_tables(comparison),
            pictures=pictures,
        ),
        Section(
            "Scores",
            "What each means stands in docs/scores.md; – is what is not known.",
            tables=_score_tables(comparison),
        ),
    ]


def rerendering_tables(comparison: Mapping[str, Any]) -> list[Table]:
    """Of each factor the errors of all networks; these are shown on the screen, too."""
    return [_rerendered(f, errors) for f, errors in comparison["rerendering"].items()]


def _settings(comparison: Mapping[str, Any]) -> Table:
    runs = comparison["runs"]
    settings = {
        "procedure": {name: run["procedure"] for name, run in runs.items()},
        "training steps": {name: f"{run['step']:,}" for name, run in runs.items()},
        **comparison["settings"],
    }
    rows = [[key, *(_setting(values[n]) for n in runs)] for key, values in settings.items()]
    return Table(["setting", *runs], rows)


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else "–" if value is None else json.dumps(value)


def _rerendered(factor: str, errors: Mapping[str, Any]) -> Table:
    networks = errors["networks"]
    entangled = list(dict.fromkeys(o for run in networks.values() for o in run["over_entangled"]))
    columns = {"mse": NETWORK, "unchanged": UNCHANGED, "ceiling": CEILING}
    rows = [
        [
            name,
            *(score.text(run[key]) for key, score in columns.items()),
            number(run["over_copy"]),
            *(number(run["over_entangled"].get(other)) for other in entangled),
        ]
        for name, run in networks.items()
    ]
    blank = [""] * (3 + len(entangled))
    rows.append(["copying the picture", NETWORK.text(errors["copy"]), *blank])
    rows.append(["mean training image", NETWORK.text(errors["mean_image"]), *blank])
    titles = [score.title for score in (*columns.values(), NETWORK_OVER_GIVEN)]
    beyond = [
        f"{name}: {run['clipped']:.1%} of the angles lie beyond its calibrated range, and are taken"
        " to its end."
        for name, run in networks.items()
        if run["clipped"]
    ]
    why = [
        f"{name}: {reason}." + (f" / {name} is over its picture not turned." * (name in entangled))
        for name, reason in errors["why_null"].items()
    ]
    counts = f"{errors['num_pairs']:,} pairs of pictures, of {errors['num_sweeps']:,} sweeps."
    return Table(
        ["", *titles, *(f"/ {other}" for other in entangled)],
        rows,
        title=display_name(factor),
        remarks=[counts, *beyond, *why],
    )


def _score_tables(comparison: Mapping[str, Any]) -> list[Table]:
    """A table of the scores of each factor, and of each of the other kinds."""
    runs, groups = comparison["runs"], {}
    for key, values in comparison["scores"].items():
        group, title, score, unit = _described(key, comparison["values"])
        texts = (score.text(values[name], unit) for name in runs)
        groups.setdefault(group, []).append([title, *texts])
    return [Table(["", *runs], rows, title=group) for group, rows in groups.items()]


def _described(key: str, values: Mapping[str, str]) -> tuple[str, str, Score, str]:
    """Of a key of `scores` in comparison.json: its table, title, score, and its factor's unit."""
    kind, _, rest = key.partition(".")
    if kind in ("factors", "values"):
        factor, _, name = rest.rpartition(".")
        score = BY_PATH[kind, EACH, name]
        return display_name(factor), score.title, score, Quantity(values.get(factor, "")).unit
    if kind == "recognition":
        name, _, representation = rest.partition(".")
        score = BY_PATH[kind, "representations", EACH, name]
        by = f", by {display_name(representation)}" if representation else ""
        return kind, score.title + by, score, ""
    score = BY_PATH[tuple(key.split("."))]
    return kind.removesuffix("_mse"), score.title, score, ""
