"""A comparison of runs as tables: on the screen, in `comparison.md` and in `comparison.html`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
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
from dcign_tf.evaluation.seeds import spread
from dcign_tf.quantities import Quantity, display_name


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
    runs, groups = comparison["runs"], _groups(comparison)
    settings = {
        "procedure": {name: run["procedure"] for name, run in runs.items()},
        "training steps": {name: f"{_steps(run):,}" for name, run in runs.items()},
        **comparison["settings"],
    }
    rows = [
        [key, *(", ".join(dict.fromkeys(_setting(values[n]) for n in g)) for g in groups.values())]
        for key, values in settings.items()
    ]
    several = {label: names for label, names in groups.items() if len(names) > 1}
    who = [f"{label}: {', '.join(names)}." for label, names in several.items()]
    return Table(["setting", *groups], rows, remarks=who)


def _steps(run: Mapping[str, Any]) -> int:
    """All of a run's, with those before it; a comparison of an earlier release has not these."""
    return run["step"] + run.get("steps_before", 0)


def _groups(comparison: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """What stands in a column; of a comparison of an earlier release each run by itself."""
    return comparison.get("groups") or {name: [name] for name in comparison["runs"]}


def _entry(
    score: Score, values: Sequence[float | None], unit: str = "", interval: Interval | None = None
) -> str:
    """A run's score and its interval; of several seeds mean ± deviation, smallest to largest."""
    if len(values) == 1:
        return score.text(values[0], unit, interval)
    if (found := spread([score.size(value) for value in values])) is None:
        return score.text(None)
    low, high = score.text(found.low), score.text(found.high)
    return f"{score.text(found.mean)} ± {score.text(found.std, unit)}\n{low} to {high}"


def _mean(values: Sequence[float | None]) -> float | None:
    return None if None in values else statistics.fmean(values)


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else "–" if value is None else json.dumps(value)


def _rerendered(factor: str, comparison: Mapping[str, Any]) -> Table:
    errors, over_copy = comparison["rerendering"][factor], NETWORK_OVER_GIVEN
    networks, groups = errors["networks"], _groups(comparison)
    intervals = _intervals(comparison, over_copy.path.replace("*", factor))
    others = {other for run in networks.values() for other in run["over_entangled"]}
    entangled = {g: names for g, names in groups.items() if others.intersection(names)}
    beside = {"unchanged": UNCHANGED, "ceiling": CEILING}
    rows = []
    for group, names in groups.items():
        runs = [networks[name] for name in names]
        row = [
            _entry(NETWORK, [run["mse"] for run in runs]),
            *(score.text(_mean([run[key] for run in runs])) for key, score in beside.items()),
            _entry(over_copy, [r["over_copy"] for r in runs], interval=intervals.get(names[0])),
        ]
        for rival, rivals in entangled.items():
            of_pairs = [run["over_entangled"].get(other) for run in runs for other in rivals]
            row.append("–" if rival == group else _entry(over_copy, of_pairs))
        rows.append([group, *row])
    blank = [""] * (3 + len(entangled))
    rows.append(["copying the picture", NETWORK.text(errors["copy"]), *blank])
    rows.append(["mean training image", NETWORK.text(errors["mean_image"]), *blank])
    titles = [score.title for score in (NETWORK, *beside.values(), over_copy)]
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
    groups, rows_of = _groups(comparison), {}
    for key, values in comparison["scores"].items():
        kind, title, score, unit = _described(key, comparison["values"])
        intervals = _intervals(comparison, key)
        texts = (
            _entry(score, [values[name] for name in names], unit, intervals.get(names[0]))
            for names in groups.values()
        )
        rows_of.setdefault(kind, []).append([title, *texts])
    return [Table(["", *groups], rows, title=kind) for kind, rows in rows_of.items()]


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
