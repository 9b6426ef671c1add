"""The tables of a run's scores: `score_catalogue` filled from scores.json (docs/scores.md)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dcign_tf.evaluation.report.score_catalogue import (
    ANSWERS,
    DISENTANGLEMENT,
    FOLLOWED,
    GUESSING,
    MEAN_ERROR,
    METHODS,
    NETWORK_OVER_GIVEN,
    NEW_VIEW_ERROR,
    NEW_VIEWS,
    READ,
    RECOGNITION,
    RECONSTRUCTION,
    RECONSTRUCTION_BASELINES,
    SHAPE,
    SIMILARITIES,
    TITLES,
    Score,
)
from dcign_tf.evaluation.report.tables import Table, as_text, wrapped
from dcign_tf.factors import INTRINSIC
from dcign_tf.quantities import Quantity, display_name, number

Scores = Mapping[str, Any]


def scores_table(scores: Scores) -> str:
    """All tables for a screen, – for what is null or has no use, and why the null ones are null.

    Args:
        scores: of `make_scores`, or read back from `scores.json`.
    """
    tables = [table for of_section in tables_of_run(scores).values() for table in of_section]
    sentences = "\n".join(map(wrapped, reasons(scores)))
    return "\n\n".join(filter(None, [scored_split(scores), as_text(tables), sentences])) + "\n"


def scored_split(scores: Scores) -> str:
    """Which split was scored, of whom or what it is, and what stands in brackets."""
    split = f"{scores['split'].capitalize()} split"
    if held_out := scores.get("held_out"):  # not of an earlier release's
        split += f" ({held_out})"
    if scores["split"] == "validation":
        split += ": half of it, the calibration fitted on the other half"
    return wrapped(f"{split}. {in_brackets(scores)}".strip())


def in_brackets(scores: Scores) -> str:
    """What stands in brackets behind numbers; nothing if the scores have no intervals."""
    if not scores.get("intervals"):
        return ""
    return f"In brackets: {scores['interval_level']:.0%} intervals over identities."


def tables_of_run(scores: Scores) -> dict[str, list[Table]]:
    """All tables, in order.

    Args:
        scores: as above; those of an earlier release have less, and fill fewer tables.

    Returns:
        The name of each section of the report, as in `figures.catalogue`, to its tables.
    """
    tables = {
        "values": [
            _found_latents(scores),
            _table("against true values", READ, scores, scores.get("values", {})),
            _table("a single latent", FOLLOWED, scores, scores.get("values", {})),
        ],
        "views": [
            _table("from another's latent", NEW_VIEWS, scores, scores["factors"]),
            _rerendering(scores),
        ],
        "answers": [
            _table("while this varies", ANSWERS, scores, scores["factors"]),
            _movement(scores),
        ],
        "reconstruction": [_reconstruction(scores)],
        "disentanglement": [_disentanglement(scores)],
        "recognition": [_recognition(scores)],
        "shape": [_shape(scores)],
    }
    return {section: list(filter(None, made)) for section, made in tables.items()}


def headline(scores: Scores) -> list[tuple[str, str, str]]:
    """The few numbers to see first: what it is, the number, and what to hold it against."""
    cards = []
    for factor in scores["factors"]:
        error, unit = MEAN_ERROR.of(scores, factor), _unit(scores, factor)
        if error is not None and factor in scores.get("values", {}):
            remark = "mean error of reading it off a picture"
            if (guessing := GUESSING.of(scores, factor)) is not None:
                remark += f"; guessing: {GUESSING.text(guessing, unit)}"
            cards.append(_card(MEAN_ERROR, scores, factor, MEAN_ERROR.form, remark))
        elif factor != INTRINSIC:
            remark = "error of new views; leaving the picture as it is: 1"
            cards.append(_card(NEW_VIEW_ERROR, scores, factor, ".2f", remark))
    remark = "mean squared error, grey values from 0 to 1"
    return [*cards, _card(RECONSTRUCTION, scores, "reconstruction", ".2g", remark)]


def _card(score: Score, scores: Scores, name: str, form: str, remark: str) -> tuple[str, str, str]:
    """Of a factor, or of what there is one of; an interval stands before the remark."""
    unit, interval = _unit(scores, name), score.interval_of(scores, name)
    shown = number(score.of(scores, name), form, unit if score.unit is None else score.unit)
    bounds = score.bounds(interval, form) if interval else ""
    return display_name(name), shown, " ".join(filter(None, [bounds, remark]))


def reasons(scores: Scores) -> list[str]:
    """Which scores cannot be known and why, a sentence for each set of factors that lack alike."""
    why_null = {factor: dict(why) for factor, why in scores.get("why_null", {}).items()}
    for factor, errors in scores.get("rerendering", {}).items():
        for method, reason in errors["why_null"].items():
            which = f" ({TITLES[method]})" if errors["by_change"] else ""
            why_null.setdefault(factor, {})[f"re-rendering{which}"] = reason
    factors_of: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for factor, why in why_null.items():
        titles_of: dict[str, list[str]] = {}
        for key, reason in why.items():
            titles_of.setdefault(reason, []).append(TITLES.get(key, display_name(key)))
        for reason, titles in titles_of.items():
            factors_of.setdefault((reason, tuple(titles)), []).append(factor)
    return [
        f"Not known of {', '.join(factors)}: {', '.join(titles)}. Reason: {reason}."
        for (reason, titles), factors in factors_of.items()
    ]


def _table(
    what: str,
    columns: Iterable[Score],
    scores: Scores,
    names: Iterable[str],
    *,
    remarks: Sequence[str] = (),
    with_chance: bool = False,
) -> Table | None:
    """A row for each factor or representation; columns are the scores that some of them have.

    Without any such score there is no table. A last row may tell what chance would give.
    """
    names = list(names)
    shown = [s for s in columns if any(_is_known(s.of(scores, name)) for name in names)]
    rows = [[display_name(n), *(_text(score, scores, n) for score in shown)] for n in names]
    if with_chance:
        rows.append(["chance", *(s.text(s.chance_of(scores)) for s in shown)])
    if not shown:
        return None
    return Table(
        [what, *(score.title for score in shown)],
        rows,
        remarks=remarks,
        caption=" ".join(score.explanation for score in shown),
        explained={INTRINSIC: "who or what it is"},
    )


def _text(score: Score, scores: Scores, each: str = "") -> str:
    return score.text(score.of(scores, each), _unit(scores, each), score.interval_of(scores, each))


def _is_known(score: float | None) -> bool:
    return score is not None and math.isfinite(score)


def ratio_or_none(error: float | None, other: float | None) -> float | None:
    """One error over another; None if one of them is not known, or the other is 0."""
    return error / other if error is not None and other else None


def _unit(scores: Scores, factor: str) -> str:
    value = scores.get("values", {}).get(factor)
    return Quantity(value["key"]).unit if value else ""


def _found_latents(scores: Scores) -> Table | None:
    rows = [
        [
            display_name(factor),
            ", ".join(map(str, latents["latents"])),
            ", ".join(map(number, latents["relative_variance"])),
        ]
        for factor, latents in scores.get("found_latents", {}).items()
    ]
    if not rows:
        return None
    return Table(
        ["found latents", "latent (from 0)", "its variance, over the largest of any"],
        rows,
        remarks=[
            "Nothing tells which latent of this network, trained without clamping, stands for what."
            " Taken are those that move most while a factor alone varies (on validation"
            " identities), no latent twice."
        ],
        caption="1: no other latent moves more while this factor varies.",
    )


def _rerendering(scores: Scores) -> Table | None:
    errors = {f: e for f, e in scores.get("rerendering", {}).items() if e["by_change"]}
    quotients = {f: ratio_or_none(e["mse"]["network"], e["mse"]["copy"]) for f, e in errors.items()}
    return _table(
        "rendered at a value",
        [NETWORK_OVER_GIVEN, *METHODS],
        {**scores, "rerendering": {f: {**e, "over_copy": quotients[f]} for f, e in errors.items()}},
        errors,
        remarks=[
            "Given one picture and nothing but the value of the factor in another, say an angle of"
            " 30°: how far is what is drawn from that other, true picture?"
        ],
    )


def _movement(scores: Scores) -> Table:
    movement = scores["movement"]
    return Table(
        ["variance of latents", *map(display_name, movement["factors"])],
        [
            [display_name(group), *map(number, variances)]
            for group, variances in zip(movement["groups"], movement["variance"], strict=True)
        ],
        remarks=["Rows: latents; columns: the factor that varied."],
    )


def _reconstruction(scores: Scores) -> Table:
    """The network's error, those of what needs none, and published ones."""
    without, remarks = {}, []
    if baselines := scores.get("reconstruction_baselines"):
        components, *others = RECONSTRUCTION_BASELINES
        without = {f"{baselines['num_components']} {components.title}": components}
        without |= {score.title: score for score in others}
        remarks = [
            f"Components and mean are of {baselines['num_images']:,} pictures of training sweeps."
        ]
        if _is_known(share := baselines["foreground_share"]):
            remarks.append(f"{share:.0%} of a picture is not background (its commonest level).")
    errors = {name: _text(score, scores) for name, score in without.items()}
    published = scores.get("reference_mse", {})
    errors |= {name: RECONSTRUCTION.text(error) for name, error in published.items()}
    columns = [RECONSTRUCTION, *(s for s in SIMILARITIES if _is_known(s.of(scores)))]
    unknown = ["–"] * (len(columns) - 1)
    return Table(
        ["reconstruction", *(score.title for score in columns)],
        [
            ["this network", *(_text(score, scores) for score in columns)],
            *([name, error, *unknown] for name, error in errors.items()),
        ],
        remarks=remarks,
        caption=" ".join(score.explanation for score in columns),
        explained={name: score.sentence for name, score in without.items()},
    )


def _disentanglement(scores: Scores) -> Table | None:
    if not (measured := scores.get("disentanglement")):
        return None
    factors, rows = measured["factors"], []
    for score in DISENTANGLEMENT:
        chance = f"{score.chance_of(scores):.2g}"
        _, metric, key = score.path.split(".")
        values = measured[metric].get("per_factor" if key == metric else f"{key}_per_factor")
        entries = map(score.text, values) if values else [""] * len(factors)
        rows.append(
            [score.title, score.text(score.of(scores)), chance, f"{score.best:g}", *entries]
        )
    return Table(
        ["disentanglement", "all", "chance", "best", *map(display_name, factors)],
        rows,
        remarks=[
            f"{measured['num_images']:,} pictures of {measured['num_identities']:,} people, all"
            " factors drawn independently."
        ],
        caption="Chance: of a code that tells nothing, in very many pictures; in fewer it seems to"
        " tell a little, and modularity most of all. A factor's own DCI error: 0 is exact, 1 no"
        " better than guessing.",
        explained={score.title: score.sentence for score in DISENTANGLEMENT},
    )


def _recognition(scores: Scores) -> Table | None:
    if not (measured := scores.get("recognition")):
        return None
    protocol = measured["protocol"]
    return _table(
        "recognised by",
        RECOGNITION,
        scores,
        measured["representations"],
        with_chance=True,
        remarks=[
            f"{protocol['num_probes']:,} pictures in any pose and light, each to be given to one of"
            f" {protocol['num_identities']:,} people never seen in training, of whom there is one"
            " picture each: the most frontal one, or any."
        ],
    )


def _shape(scores: Scores) -> Table | None:
    if not (measured := scores.get("shape")):
        return None
    return Table(
        ["shape", "mean vertex error"],
        [[score.title, score.text(score.of(scores))] for score in SHAPE],
        remarks=[
            "The face model's coefficients, read off the code by a linear map fitted on"
            f" {measured['num_fit_identities']:,} training identities; measured on"
            f" {measured['num_identities']:,} others."
        ],
        caption=f"{SHAPE[0].sentence.capitalize()}. How large a head is cannot be seen in the"
        " pictures, and counts all the same.",
    )
