"""Runs on the same data beside each other: what differs in their settings, and in their scores.

Takes what the run directories' JSON files hold and gives what `comparison.json` does
(docs/scores.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dcign_tf.evaluation.figures.error_curves import can_be_drawn
from dcign_tf.evaluation.metrics.recognition import COMPONENTS, LESS_POSE, LESS_WITHIN
from dcign_tf.evaluation.report.score_catalogue import (
    ANSWERS,
    CUT,
    DISENTANGLEMENT,
    FOLLOWED,
    NETWORK_OVER_GIVEN,
    NEW_VIEWS,
    READ,
    RECOGNITION,
    RECONSTRUCTION,
    RECONSTRUCTION_BASELINES,
    SHAPE,
    SIMILARITIES,
    Score,
)
from dcign_tf.evaluation.report.score_tables import ratio_or_none
from dcign_tf.evaluation.seeds import NOT_TRAINED_ON, Spread, group_by_seed, spread
from dcign_tf.runs.presets import flattened

SCHEMA_VERSION = 1

_OF_A_FACTOR = tuple(
    score
    for score in (*READ, *FOLLOWED, *ANSWERS, *NEW_VIEWS)
    if score.path.startswith(("factors.", "values.")) and score is not CUT
)
# Of the network's own latents, and of what needs no network.
_REPRESENTATIONS = (
    *("", ".latents_less_pose", ".pixels", ".principal_components"),
    *(".latents_less_within_people", ".principal_components_less_within_people"),
)


_Wanted = tuple[Score, Mapping[str, str]]


class EvaluatedRun(NamedTuple):
    """What is known of one run.

    Attributes:
        config: its `config.json`.
        scores: its `scores.json`.
        steps_before: training steps of the runs whose weights it began with.
    """

    config: Mapping[str, Any]
    scores: Mapping[str, Any]
    steps_before: int = 0

    @property
    def steps(self) -> int:
        """All training steps behind the scored weights."""
        return self.steps_before + self.scores["step"]


def compare_runs(runs: Mapping[str, EvaluatedRun]) -> dict[str, Any]:
    """Everything that can be put side by side of two runs or more.

    Args:
        runs: by name, in the order in which they are shown. Evaluated on the same data,
            with scores of the same schema.

    Returns:
        `runs`, `groups`, `settings`, `values`, `rerendering`, `scores`, their `intervals` and
        their `spread`, see docs/scores.md. What a run has nothing of is None.
    """
    wanted = _wanted(runs)
    scores = _beside(runs, wanted, Score.of)
    groups = group_by_seed(
        {name: run.config for name, run in runs.items()},
        {name: run.steps for name, run in runs.items()},
    )
    return {
        "schema_version": SCHEMA_VERSION,
        "runs": {
            name: {
                "procedure": run.config["procedure"],
                "step": run.scores["step"],
                "steps_before": run.steps_before,
            }
            for name, run in runs.items()
        },
        "groups": groups,
        "settings": _different_settings(runs),
        "values": {
            factor: value["key"]
            for factor, value in next(iter(runs.values())).scores["values"].items()
        },
        "rerendering": _rerendering(runs),
        "scores": scores,
        "intervals": _beside(runs, wanted, Score.interval_of),
        "spread": _spread(scores, groups, wanted),
    }


def _different_settings(runs: Mapping[str, EvaluatedRun]) -> dict[str, dict[str, Any]]:
    """`optimizer.learning_rate` and the like, to the value in each run."""
    flat = {name: flattened(run.config) for name, run in runs.items()}
    keys = sorted({key for settings in flat.values() for key in settings} - NOT_TRAINED_ON)
    table = {key: {name: flat[name].get(key) for name in runs} for key in keys}
    return {
        key: values
        for key, values in table.items()
        if any(value != next(iter(values.values())) for value in values.values())
    }


def _rerendering(runs: Mapping[str, EvaluatedRun]) -> dict[str, dict[str, Any]]:
    """Each factor that was measured to the errors of all networks, and to their ratios."""
    entangled = [name for name, run in runs.items() if run.config["procedure"] == "entangled"]
    table = {}
    first = next(iter(runs.values())).scores["rerendering"]
    for factor in first:
        of_runs = {name: run.scores["rerendering"][factor] for name, run in runs.items()}
        if not can_be_drawn(of_runs):
            continue
        mse = {name: errors["mse"]["network"] for name, errors in of_runs.items()}
        # One that cannot be told the value leaves the picture as it is, as far as it can.
        to_beat = {
            name: of_runs[name]["mse"]["unchanged"] if mse[name] is None else mse[name]
            for name in entangled
        }
        networks = {
            name: {
                "mse": mse[name],
                "unchanged": errors["mse"]["unchanged"],
                "ceiling": errors["mse"]["ceiling"],
                "clipped": errors["clipped"],
                "over_copy": ratio_or_none(mse[name], errors["mse"]["copy"]),
                "over_mean_image": ratio_or_none(mse[name], errors["mse"]["mean_image"]),
                "over_entangled": {
                    other: ratio_or_none(mse[name], to_beat[other])
                    for other in entangled
                    if other != name
                },
            }
            for name, errors in of_runs.items()
        }
        table[factor] = {
            "num_sweeps": first[factor]["num_sweeps"],
            "num_pairs": first[factor]["num_pairs"],
            "copy": first[factor]["mse"]["copy"],
            "mean_image": first[factor]["mse"]["mean_image"],
            "networks": networks,
            "why_null": {
                name: errors["why_null"]["network"]
                for name, errors in of_runs.items()
                if "network" in errors["why_null"]
            },
        }
    return table


def _wanted(runs: Mapping[str, EvaluatedRun]) -> dict[str, _Wanted]:
    """Where a score stands in scores.json, with dots, to the score and whose it is in each run."""
    placed = [(score, "") for score in (RECONSTRUCTION, *SIMILARITIES, *RECONSTRUCTION_BASELINES)]
    for factor in next(iter(runs.values())).scores["factors"]:
        # Of the latter there are intervals alone: it stands among the errors of re-rendering.
        placed += [(score, factor) for score in (*_OF_A_FACTOR, NETWORK_OVER_GIVEN)]
    placed += [(score, "") for score in (*DISENTANGLEMENT, *SHAPE)]
    wanted = {s.path.replace("*", each): (s, dict.fromkeys(runs, each)) for s, each in placed}
    recognised = {name: _representations(run.scores) for name, run in runs.items()}
    for score in RECOGNITION:
        key = score.path.removeprefix("recognition.representations.*.")
        for representation in _REPRESENTATIONS if "." not in key else ():
            whose = {name: recognised[name].get(representation, "") for name in runs}
            wanted[f"recognition.{key}{representation}"] = score, whose
    return wanted


def _beside(
    runs: Mapping[str, EvaluatedRun],
    wanted: Mapping[str, _Wanted],
    read: Callable[[Score, Mapping[str, Any], str], Any],
) -> dict[str, dict[str, Any]]:
    """What is read of each run; of scores that some run has."""
    table = {
        key: {name: read(score, run.scores, whose[name]) for name, run in runs.items()}
        for key, (score, whose) in wanted.items()
    }
    return {
        key: of_runs
        for key, of_runs in table.items()
        if any(value is not None for value in of_runs.values())
    }


def _spread(
    scores: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    wanted: Mapping[str, _Wanted],
) -> dict[str, dict[str, dict[str, float]]]:
    """Of each score that all runs of a group of several have, how far they differ."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for key, of_runs in scores.items():
        score, _ = wanted[key]
        for group, names in groups.items():
            found: Spread | None = spread([score.size(of_runs[name]) for name in names])
            if found:
                table.setdefault(key, {})[group] = found._asdict()
    return table


def _representations(scores: Mapping[str, Any]) -> dict[str, str]:
    """`_REPRESENTATIONS` to what the run calls them."""
    there = list((scores.get("recognition") or {}).get("representations", {}))
    own = there[0] if there else ""
    components = next((name for name in there if name.endswith(COMPONENTS)), "")
    names = own, f"{own}{LESS_POSE}", "pixels", components
    names += f"{own}{LESS_WITHIN}", f"{components}{LESS_WITHIN}"
    return {key: name for key, name in zip(_REPRESENTATIONS, names, strict=True) if name in there}
