"""Scores as text for a screen."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from dcign_tf.evaluation.scores import SWEEP_SCORES, VALUE_SCORES
from dcign_tf.quantities import Quantity, display_name, number


def scores_table(scores: Mapping) -> str:
    """Tables of all scores, – for what is null or has no use, and why the null ones are null.

    Args:
        scores: of `make_scores`, or read back from `scores.json`.
    """
    parts = [_headline(scores), _value_table(scores), _sweep_table(scores), _movement(scores)]
    parts.append(_rerendering(scores))
    people = [_disentanglement(scores), _recognition(scores), _shape(scores)]
    return "\n\n".join(filter(None, [*parts, *people, _wrapped(reasons(scores))])) + "\n"


def _headline(scores: Mapping) -> str:
    line = f"{scores['split']}: reconstruction MSE {number(scores['reconstruction_mse'], '.4e')}"
    for name, mse in scores.get("reference_mse", {}).items():
        line += f"\n{name}: {number(mse, '.4e')}"
    return line


def _value_table(scores: Mapping) -> str:
    values = scores.get("values", {})
    shown = [
        name for name in VALUE_SCORES if any(name in scores["factors"][factor] for factor in values)
    ]
    rows = []
    for factor, known in values.items():
        unit = Quantity(known["key"]).unit
        units = {"mean_absolute_error": unit, "cut": unit}
        own = scores["factors"][factor]
        rows.append([factor] + [number(own.get(name), unit=units.get(name, "")) for name in shown])
    return aligned([["against true values", *map(display_name, shown)], *rows]) if rows else ""


def _sweep_table(scores: Mapping) -> str:
    header = ["within and between sweeps", "sweeps", *map(display_name, SWEEP_SCORES)]
    return aligned(
        [header]
        + [
            [
                factor,
                str(scores["num_sweeps"][factor]),
                *(number(own.get(name)) for name in SWEEP_SCORES),
            ]
            for factor, own in scores["factors"].items()
        ]
    )


def _movement(scores: Mapping) -> str:
    movement = scores["movement"]
    table = aligned(
        [
            ["variance of latents", *movement["factors"]],
            *(
                [group, *map(number, row)]
                for group, row in zip(movement["groups"], movement["variance"], strict=True)
            ),
        ]
    )
    return f"{table}\n(rows: latents; columns: the factor that varied)"


def _rerendering(scores: Mapping) -> str:
    found = {f: own for f, own in scores.get("rerendering", {}).items() if own["by_change"]}
    if not found:
        return ""
    methods = list(next(iter(found.values()))["mse"])
    header = ["re-rendering, MSE", *map(display_name, methods), "network / copy"]
    rows = []
    for factor, own in found.items():
        network, copy = own["mse"]["network"], own["mse"]["copy"]
        share = network / copy if network is not None and copy else None
        rows.append([factor, *(number(mse, ".2e") for mse in own["mse"].values()), number(share)])
    return (
        f"{aligned([header, *rows])}\n(a picture turned to a given angle, against the true one;"
        " ceiling: the true one reconstructed)"
    )


def _disentanglement(scores: Mapping) -> str:
    if not (found := scores.get("disentanglement")):
        return ""
    names = found["factors"]
    rows = [
        ["MIG", found["mig"]["mig"], *found["mig"]["per_factor"]],
        ["SAP", found["sap"]["sap"], *found["sap"]["per_factor"]],
        ["modularity", found["modularity"]["modularity"]],
        [
            "explicitness",
            found["explicitness"]["explicitness"],
            *found["explicitness"]["per_factor"],
        ],
        ["DCI disentanglement", found["dci"]["disentanglement"]],
        [
            "DCI completeness",
            found["dci"]["completeness"],
            *found["dci"]["completeness_per_factor"],
        ],
        [
            "DCI error (0 is best)",
            found["dci"]["informativeness"],
            *found["dci"]["informativeness_per_factor"],
        ],
        ["FactorVAE score", found["factor_vae"]["factor_vae"]],
    ]
    table = aligned(
        [
            ["disentanglement", "all", *map(display_name, names)],
            *(
                [
                    name,
                    *(number(value, ".3f") for value in values),
                    *[""] * (1 + len(names) - len(values)),
                ]
                for name, *values in rows
            ),
        ]
    )
    return (
        f"{table}\n({found['num_images']:,} images of {found['num_identities']:,} people,"
        " all factors drawn independently)"
    )


def _recognition(scores: Mapping) -> str:
    if not (found := scores.get("recognition")):
        return ""
    protocol = found["protocol"]
    rows = [
        [name, own["rank1"], own["random_gallery"]["rank1"]["mean"], own["equal_error_rate"]]
        for name, own in found["representations"].items()
    ]
    rows.append(["chance", protocol["chance"], protocol["chance"], 0.5])
    header = ["recognition", "rank 1", "rank 1, random galleries", "equal error rate"]
    table = aligned([header, *([name, *map(_share, shares)] for name, *shares in rows)])
    return (
        f"{table}\n({protocol['num_probes']:,} pictures, each of one of"
        f" {protocol['num_identities']:,} people)"
    )


def _shape(scores: Mapping) -> str:
    if not (found := scores.get("shape")):
        return ""
    lengths = [
        ["read out of one picture", found["vertex_error_mm"]],
        ["read out of all pictures of a person", found["pooled_error_mm"]],
        ["always the mean face", found["mean_face_error_mm"]],
    ]
    rows = [[name, number(length, ".2f", " mm")] for name, length in lengths]
    return aligned([["shape", "mean vertex error"], *rows])


def _share(value: float | None) -> str:
    return number(None if value is None else 100 * value, ".1f", " %")


def reasons(scores: Mapping) -> list[str]:
    """Which scores cannot be known and why, a sentence for each set of factors that lack alike."""
    factors_of: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for factor, why in _all_reasons(scores).items():
        names_of: dict[str, list[str]] = {}
        for name, reason in why.items():
            names_of.setdefault(reason, []).append(name)
        for reason, names in names_of.items():
            factors_of.setdefault((reason, tuple(names)), []).append(factor)
    return [
        f"Not known of {', '.join(factors)}: {', '.join(map(display_name, names))}."
        f" Reason: {reason}."
        for (reason, names), factors in factors_of.items()
    ]


def _all_reasons(scores: Mapping) -> dict[str, dict[str, str]]:
    """Factor to what is not known of it, and why."""
    found = {factor: dict(why) for factor, why in scores.get("why_null", {}).items()}
    for factor, own in scores.get("rerendering", {}).items():
        for method, reason in own["why_null"].items():
            name = f"re-rendering ({display_name(method)})" if own["by_change"] else "re-rendering"
            found.setdefault(factor, {})[name] = reason
    return found


def _wrapped(sentences: Sequence[str]) -> str:
    return "\n".join(textwrap.fill(s, width=100, subsequent_indent="  ") for s in sentences)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest entry, the first flush left and the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [entry.rjust(width) for entry, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    )
