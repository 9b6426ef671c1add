"""What a run's scores say, as tables for `html_page`: each beside what guessing would give.

Every function takes the scores as in `scores.json` (docs/scores.md) and returns the parts
of a section, none if the scores have nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from dcign_tf.evaluation.report.html_page import paragraph, table
from dcign_tf.factors import INTRINSIC
from dcign_tf.quantities import Quantity, display_name, number

Scores = Mapping[str, Any]


def headline(scores: Scores) -> list[tuple[str, str, str]]:
    """The few numbers to see first, for `html_page.cards`."""
    entries = []
    for factor, own in scores["factors"].items():
        known = scores.get("values", {}).get(factor)
        if known is not None and own.get("mean_absolute_error") is not None:
            unit = Quantity(known["key"]).unit
            remark = "mean error of reading it off a picture"
            if known.get("guessing_error") is not None:
                remark += f"; guessing: {_amount(known['guessing_error'], unit)}"
            entries.append(
                (display_name(factor), _amount(own["mean_absolute_error"], unit), remark)
            )
        elif factor != INTRINSIC:
            ratio = number(own.get("novel_view_ratio"), ".2f")
            remark = "error of new views; leaving the picture as it is: 1"
            entries.append((display_name(factor), ratio, remark))
    mse = number(scores["reconstruction_mse"], ".2g")
    entries.append(("reconstruction", mse, "mean squared error, grey values from 0 to 1"))
    return entries


def values_read(scores: Scores) -> list[Element]:
    """How well each factor's value is told from one picture."""
    known = scores.get("values", {})
    if not known:
        return []
    header = ["", "mean error", "guessing", "R²", "rank correlation"]
    on_circle = any("circular_linear" in scores["factors"][factor] for factor in known)
    rows = []
    for factor, value in known.items():
        own, unit = scores["factors"][factor], Quantity(value["key"]).unit
        rows.append(
            [
                display_name(factor),
                _amount(own.get("mean_absolute_error"), unit),
                _amount(value.get("guessing_error"), unit),
                number(own.get("r2_calibrated")),
                number(own.get("spearman")),
                *([number(own.get("circular_linear"))] if on_circle else []),
            ]
        )
    caption = (
        "Mean error: how far off the value is on average; guessing: the same if always the mean"
        " value is said. R²: 1 is exact, 0 no better than guessing, below 0 worse. Rank"
        " correlation: 1 or −1 if the latent rises or falls with the value throughout, 0 if it"
        " knows nothing of it; the sign means nothing."
    )
    if on_circle:
        header.append("circular correlation")
        caption += (
            " On a circle errors are taken the shorter way round, and the rank correlation from"
            " where the latent jumps. The circular correlation needs no such cut; a latent that"
            " tells the angle has 0.78."
        )
    return [
        paragraph(
            "One picture goes in. The latent of each factor is read off as a value, through a curve"
            " that was fitted on validation identities; the errors are those on test identities,"
            " which neither training nor that curve has seen."
        ),
        table(header, rows, caption=caption),
    ]


def found_latents(scores: Scores) -> list[Element]:
    """Of a network trained without clamping: where its latents were found."""
    if not (found := scores.get("found_latents")):
        return []
    rows = [
        [
            display_name(factor),
            ", ".join(str(latent) for latent in own["latents"]),
            ", ".join(number(share) for share in own["relative_variance"]),
        ]
        for factor, own in found.items()
    ]
    return [
        paragraph(
            "This network was trained without clamping: nothing tells which of its latents stands"
            " for what. Taken are those that move most while a factor alone varies (on validation"
            " identities), no latent twice."
        ),
        table(
            ["", "latent (from 0)", "its variance, over the largest of any"],
            rows,
            caption="1: no other latent moves more while this factor varies.",
        ),
    ]


def new_views(scores: Scores) -> list[Element]:
    """How well pictures are turned and relit."""
    rows = [
        [
            _factor(factor),
            number(own.get("novel_view_ratio")),
            f"{scores.get('num_image_sweeps', scores['num_sweeps'])[factor]:,}",
        ]
        for factor, own in scores["factors"].items()
    ]
    return [
        paragraph(
            "Given one picture of someone and the latent of one factor from another, the network"
            " draws what the other shows."
        ),
        table(
            ["factor changed", "error of the new view", "sweeps"],
            rows,
            caption=(
                "Squared error against the true picture, over the error of leaving the given"
                " picture as it is: 0 is exact, 1 no better than doing nothing."
            ),
        ),
    ]


def rerendering(scores: Scores) -> list[Element]:
    """How well pictures are re-rendered at a given angle, and what else could be shown there."""
    found = scores.get("rerendering") or {}
    measured = {factor: own["mse"] for factor, own in found.items() if own["by_change"]}
    if not measured:
        return []
    columns = {
        "network": "network",
        "copy": "picture given",
        "mean_image": "mean picture",
        "ceiling": "network's best",
        "unchanged": "not turned",
    }
    rows = []
    for factor, mse in measured.items():
        known = mse["network"] is not None and mse["copy"]
        share = number(mse["network"] / mse["copy"], ".2f") if known else number(None)
        errors = (number(mse[method], ".2e") for method in columns)
        rows.append([display_name(factor), share, *errors])
    return [
        paragraph(
            "Given one picture and nothing but the value of the factor in another, say an angle of"
            " 30°: how far is what is drawn from that other picture?"
        ),
        table(
            ["factor changed", "network / given", *columns.values()],
            rows,
            caption=(
                "Mean squared errors against the true picture, grey values 0 to 1. The network's"
                " is to be well below that of the picture given, as it is, and below that of the"
                " mean training picture at that value. Its best is what it draws from the true"
                " picture itself; not turned, what it draws with the latent left alone. The first"
                " column is the network's error over that of the picture given: 1 is no better than"
                " doing nothing."
            ),
        ),
    ]


def answers(scores: Scores) -> list[Element]:
    """Whether each latent answers to its own factor and to no other."""
    names = [
        ("selectivity", "selectivity"),
        ("own_share", "own share"),
        ("consistency", "consistency"),
        ("invariance", "invariance"),
    ]
    shown = [n for n in names if any(n[0] in own for own in scores["factors"].values())]
    if not shown:
        return []
    rows = [
        [_factor(factor), *(number(own.get(name)) for name, _ in shown)]
        for factor, own in scores["factors"].items()
    ]
    return [
        table(
            ["while this varies", *(title for _, title in shown)],
            rows,
            caption=(
                "Selectivity: how many times more the factor's own latent moves than while any"
                " other factor varies; 1 is no preference. Own share: of all that moves in the"
                " code, the part in the factor's own latents. Consistency: 1 if the latent covers"
                " the same values whoever is seen, 0 if it stays put for each. Invariance: 1 if no"
                " other latent moves, 0 if they move as much as between one person and the next."
                " Of these three 1 is best and 0 worst."
            ),
        )
    ]


def reconstruction(scores: Scores) -> list[Element]:
    """How far pictures are from what their own codes decode to."""
    rows = [["this run", number(scores["reconstruction_mse"], ".4e")]]
    rows += [[name, number(mse, ".4e")] for name, mse in scores.get("reference_mse", {}).items()]
    return [
        table(
            ["", "mean squared error"],
            rows,
            caption="Of pictures decoded from their own codes, grey values 0 to 1; 0 is exact.",
        )
    ]


def missing(scores: Scores) -> Sequence[str]:
    """What this evaluation has no scores of at all, and why."""
    sentences = []
    if "disentanglement" not in scores:
        sentences.append(
            "Disentanglement scores, recognition and shape: they need pictures rendered from a face"
            " model, in which all factors are drawn independently."
        )
    for name in ("disentanglement", "recognition"):
        if name in scores and scores[name] is None:
            sentences.append(
                f"{display_name(name).capitalize()}: the test split has too few pictures of"
                " independently drawn factors."
            )
    return sentences


def _factor(factor: str) -> str:
    return "intrinsic (who or what it is)" if factor == INTRINSIC else display_name(factor)


def _amount(value: float | None, unit: str) -> str:
    """Of the unit of a factor, to three digits."""
    return number(value, ".3g", unit)
