"""A comparison as tables, in Markdown and in HTML."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dcign_tf.evaluation.report import html_page
from dcign_tf.evaluation.report.score_tables import aligned
from dcign_tf.quantities import Quantity, display_name, number

_GROUPS = ("disentanglement", "shape")
_NAMES = {
    "mig.mig": "mutual information gap",
    "sap.sap": "SAP",
    "modularity.modularity": "modularity",
    "explicitness.explicitness": "explicitness",
    "dci.disentanglement": "DCI disentanglement",
    "dci.completeness": "DCI completeness",
    "dci.informativeness": "DCI error",
    "factor_vae.factor_vae": "FactorVAE score",
    "rank1": "rank 1",
    "auc": "area under the ROC curve",
    "vertex_error_mm": "vertex error (mm)",
    "pooled_error_mm": "vertex error, all images of a person (mm)",
    "mean_face_error_mm": "the same of the mean face (mm)",
    "r2_monotone": "R² monotone",
    "r2_calibrated": "R² calibrated",
    "guessing_error": "mean absolute error of guessing",
}
_TURNED = "Re-rendering at a given angle"
_SCORES = "Scores"
_HOW_TO_READ = (
    "One picture of somebody never seen in training is given, and an angle. Mean squared errors"
    " against the true picture at that angle, grey values in [0, 1]. Not turned: the code of the"
    " given picture as it is, decoded. Ceiling: that of the true picture, decoded. /: divided by."
)


_LEADS = {
    _TURNED: _HOW_TO_READ,
    _SCORES: "What each means stands in docs/scores.md; – is what is not known.",
}
_IN_UNITS = ("mean_absolute_error", "guessing_error")


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text.

    Attributes:
        title: above it.
        header: of the columns; the first column says what a row is.
        rows: as long as the header.
        remarks: sentences below it.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str] = ()


def comparison_tables(comparison: Mapping[str, Any]) -> dict[str, list[Table]]:
    """Headings, in order, to the tables below them.

    Args:
        comparison: of `comparison.compare_runs`, or read back from `comparison.json`.
    """
    names = list(comparison["runs"])
    settings = {
        "procedure": {name: run["procedure"] for name, run in comparison["runs"].items()},
        "training steps": {name: f"{run['step']:,}" for name, run in comparison["runs"].items()},
        **comparison["settings"],
    }
    rows = [[key, *(_setting(values[n]) for n in names)] for key, values in settings.items()]
    turned = [_rerendered(factor, own) for factor, own in comparison["rerendering"].items()]
    return {
        "What differs": [Table("Settings", ["", *names], rows)],
        _TURNED: turned,
        _SCORES: _score_tables(comparison, names),
    }


def as_text(comparison: Mapping[str, Any]) -> str:
    """What a screen shows at the end: the tables of re-rendering."""
    blocks = []
    for factor, own in comparison["rerendering"].items():
        table = _rerendered(factor, own)
        lines = [textwrap.fill(r, width=100, subsequent_indent="  ") for r in table.remarks]
        rows = aligned([[table.title, *table.header[1:]], *table.rows])
        blocks.append("\n".join([rows, *lines]))
    return "\n\n".join(blocks)


def as_markdown(comparison: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """The whole of `comparison.md`.

    Args:
        comparison: as above.
        figures: names of PNG files beside it to what they show.
    """
    parts = [f"# {_title(comparison)}"]
    for heading, tables in comparison_tables(comparison).items():
        if not tables:
            continue
        parts.append(f"## {heading}")
        parts += [_LEADS[heading]] if heading in _LEADS else []
        for table in tables:
            parts += [f"### {table.title}", _markdown(table)]
            parts += [" ".join(table.remarks)] if table.remarks else []
    parts += ["## Figures"] if figures else []
    parts += [f"![{what}]({name})" for name, what in figures.items()]
    return "\n\n".join(parts) + "\n"


def as_html(comparison: Mapping[str, Any], figures: Mapping[Path, str]) -> str:
    """The whole of `comparison.html`.

    Args:
        comparison: as above.
        figures: PNG files to what they show.

    Raises:
        UserError: if one cannot be read as a picture.
    """
    pictures = [html_page.figure(path, alt=what, caption=what) for path, what in figures.items()]
    sections = []
    for heading, tables in comparison_tables(comparison).items():
        parts = []
        for table in tables:
            parts += [
                html_page.subheading(table.title),
                html_page.table(table.header, table.rows, caption=" ".join(table.remarks)),
            ]
        if heading in _LEADS and parts:
            lead = html_page.paragraph(_LEADS[heading])
            parts = [lead, *(pictures if heading == _TURNED else []), *parts]
        sections.append(html_page.Section(heading, parts))
    return html_page.page(_title(comparison), sections)


def _title(comparison: Mapping[str, Any]) -> str:
    return f"{comparison['dataset']}: " + " beside ".join(comparison["runs"])


def _rerendered(factor: str, own: Mapping[str, Any]) -> Table:
    networks = own["networks"]
    entangled = list(dict.fromkeys(o for run in networks.values() for o in run["over_entangled"]))
    rows = [
        [
            name,
            *(_mse(run[key]) for key in ("mse", "unchanged", "ceiling")),
            number(run["over_copy"]),
            *(number(run["over_entangled"].get(other)) for other in entangled),
        ]
        for name, run in networks.items()
    ]
    blank = [""] * (3 + len(entangled))
    rows.append(["copying the picture", _mse(own["copy"]), *blank])
    rows.append(["mean training image", _mse(own["mean_image"]), *blank])
    header = ["", "MSE", "not turned", "ceiling", "/ copying", *(f"/ {o}" for o in entangled)]
    beyond = [
        f"{name}: {run['clipped']:.1%} of the angles lie beyond its calibrated range, and are taken"
        " to its end."
        for name, run in networks.items()
        if run["clipped"]
    ]
    why = [
        f"{name}: {reason}." + (f" / {name} is over its picture not turned." * (name in entangled))
        for name, reason in own["why_null"].items()
    ]
    counts = f"{own['num_pairs']:,} pairs of pictures, of {own['num_sweeps']:,} sweeps."
    return Table(display_name(factor), header, rows, [counts, *beyond, *why])


def _score_tables(comparison: Mapping[str, Any], names: Sequence[str]) -> list[Table]:
    """A table for each group of scores: those of a factor, or of one kind."""
    groups: dict[str, list[list[str]]] = {}
    for path, values in comparison["scores"].items():
        title, label = _named(path, comparison["values"])
        form = ".2e" if path.endswith("_mse") else None
        entries = [number(values[name], form) for name in names]
        groups.setdefault(title, []).append([label, *entries])
    return [Table(title, ["", *names], rows) for title, rows in groups.items()]


def _named(path: str, values: Mapping[str, str]) -> tuple[str, str]:
    """The title of the table in which a score stands, and what it is called there."""
    kind, _, rest = path.partition(".")
    if kind in ("factors", "values"):
        factor, _, score = rest.rpartition(".")
        name = _NAMES.get(score, display_name(score))
        if score in _IN_UNITS and (unit := Quantity(values[factor]).unit):
            name += f" ({unit})"
        return display_name(factor), name
    if kind == "recognition":
        score, _, representation = rest.partition(".")
        by = f", by {display_name(representation)}" if representation else ""
        return kind, _NAMES.get(score, display_name(score)) + by
    if kind in _GROUPS:
        return kind, _NAMES.get(rest, display_name(rest))
    return "reconstruction", "mean squared error"


def _markdown(table: Table) -> str:
    lines = [table.header, ["---", *["---:"] * (len(table.header) - 1)], *table.rows]
    return "\n".join("| " + " | ".join(_escaped(entry) for entry in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _mse(value: float | None) -> str:
    return number(value, ".2e")


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else "–" if value is None else json.dumps(value)
