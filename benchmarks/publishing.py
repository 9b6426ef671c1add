"""How a benchmark tells what it measured: a table, and JSON for docs/performance.md."""

from __future__ import annotations

import pathlib
import platform
from collections.abc import Mapping, Sequence

from absl import flags

from dcign_tf.cli.definition import PathParser
from dcign_tf.concurrency import available_workers
from dcign_tf.files import write_json

FLAGS = flags.FLAGS
flags.DEFINE(PathParser(), "json", None, "Also write what is measured to this file.")

Row = Sequence[str | float]


def processor() -> str:
    """The processor's name and how many of its cores are used."""
    names = [
        line.partition(":")[2].strip()
        for line in _lines("/proc/cpuinfo")
        if line.startswith("model name")
    ]
    cores = available_workers()
    return f"{names[0] if names else platform.machine()}, {cores} core{'s' * (cores != 1)}"


def publish(facts: Mapping[str, str | float], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Prints a Markdown table below what it was measured with, and writes both to `--json`.

    Args:
        facts: what holds for all rows, by name; the processor is added.
        columns: headings, the first that of the rows' names.
        rows: texts, and numbers, which are shown with three digits.
    """
    facts = {"processor": processor(), **facts}
    print(markdown(facts, columns, rows))
    if FLAGS.json:
        told = {"facts": facts, "columns": list(columns), "rows": [list(row) for row in rows]}
        write_json(pathlib.Path(FLAGS.json), told)


def markdown(facts: Mapping[str, str | float], columns: Sequence[str], rows: Sequence[Row]) -> str:
    """The facts in a sentence, and the table."""
    lines = [
        "; ".join(f"{name} {_shown(value)}" for name, value in facts.items()) + ".",
        "",
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(map(_shown, row))} |" for row in rows)])


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _lines(path: str) -> list[str]:
    file = pathlib.Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
