"""A comparison of runs as tables: on the screen, in `comparison.md` and in `comparison.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dcign_tf.evaluation.report.score_catalogue import (
    BY_PATH,
    CEILING,
    NETWORK,
    NETWORK_OVER_GIVEN,
    UNCHANGED,
    Interval,
    Score,
)
from dcign_tf.evaluation.report.tables import Table
from dcign_tf.quantities import Quantity, display_name, number


def comparison_tables(comparison: Mapping[str, Any]) -> dict[str, list[Table]]:
    """Of a comparison that `compared_scores.compare_runs` made, or `comparison.json` holds.

    Returns:
        `settings`, those that differ; `rerendering`, of each factor the errors of all networks
        (shown on the screen, too); and `scores`, of each factor, and of each of the other kinds.
    """
    return {
        "settings": [_settings(comparison)],
        "rerendering": [_rerendered(factor, comparison) for factor in comparison["rerendering"]],
        "scores": _scores(comparison),
    }


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


def _rerendered(factor: str, comparison: Mapping[str, Any]) -> Table:
    errors, over_copy = comparison["rerendering"][factor], NETWORK_OVER_GIVEN
    networks = errors["networks"]
    intervals = _intervals(comparison, over_copy.path.replace("*", factor))
    entangled = list(dict.fromkeys(o for run in networks.values() for o in run["over_entangled"]))
    columns = {"mse": NETWORK, "unchanged": UNCHANGED, "ceiling": CEILING}
    rows = [
        [
            name,
            *(score.text(run[key]) for key, score in columns.items()),
            over_copy.text(run["over_copy"], interval=intervals.get(name)),
            *(number(run["over_entangled"].get(other)) for other in entangled),
        ]
        for name, run in networks.items()
    ]
    blank = [""] * (3 + len(entangled))
    rows.append(["copying the picture", NETWORK.text(errors["copy"]), *blank])
    rows.append(["mean training image", NETWORK.text(errors["mean_image"]), *blank])
    titles = [score.title for score in (*columns.values(), over_copy)]
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


def _scores(comparison: Mapping[str, Any]) -> list[Table]:
    runs, groups = comparison["runs"], {}
    for key, values in comparison["scores"].items():
        group, title, score, unit = _described(key, comparison["values"])
        intervals = _intervals(comparison, key)
        texts = (score.text(values[name], unit, intervals.get(name)) for name in runs)
        groups.setdefault(group, []).append([title, *texts])
    return [Table(["", *runs], rows, title=group) for group, rows in groups.items()]


def _intervals(comparison: Mapping[str, Any], key: str) -> Mapping[str, Interval | None]:
    """Of each run; none of a comparison that an earlier release made."""
    return comparison.get("intervals", {}).get(key, {})


def _described(key: str, values: Mapping[str, str]) -> tuple[str, str, Score, str]:
    """Of a key of `scores` in comparison.json: its table, title, score, and its factor's unit."""
    kind, _, rest = key.partition(".")
    if kind in ("factors", "values"):
        factor, _, name = rest.rpartition(".")
        score = BY_PATH[f"{kind}.*.{name}"]
        return display_name(factor), score.title, score, Quantity(values.get(factor, "")).unit
    if kind == "recognition":
        name, _, representation = rest.partition(".")
        score = BY_PATH[f"{kind}.representations.*.{name}"]
        by = f", by {display_name(representation)}" if representation else ""
        return kind, score.title + by, score, ""
    score = BY_PATH[key]
    return kind.partition("_")[0], score.title, score, ""
