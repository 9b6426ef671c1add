"""Runs the commands of docs/performance.md and puts what they print below them.

    python -m benchmarks
    python -m benchmarks train_step growth

All of them, or those of the modules that are named. A command is a code block of its own, followed
by the lines `<!-- printed -->` and `<!-- until here -->`; what stands between these is replaced as
soon as the command has ended, so that nothing is lost if a later one fails. Wants the machine for
itself, for some hours.
"""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence

from absl import app, logging

from dcign_tf.files import write_text

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"

_BLOCK = re.compile(
    r"```bash\npython -m (?P<command>benchmarks\.(?P<module>\w+)[^\n]*)\n```\n\n"
    r"<!-- printed -->\n(?P<printed>.*?)<!-- until here -->",
    re.DOTALL,
)


def blocks(page: str) -> list[re.Match[str]]:
    """The commands of the page, each with what it printed."""
    return list(_BLOCK.finditer(page))


def with_printed(page: str, command: str, printed: str) -> str:
    """The page with another text below a command."""
    (block,) = [block for block in blocks(page) if block["command"] == command]
    start, end = block.span("printed")
    return f"{page[:start]}\n{printed.strip()}\n\n{page[end:]}"


def main(argv: Sequence[str]) -> None:
    asked = argv[1:]
    found = blocks(PAGE.read_text(encoding="utf-8"))
    unknown = set(asked) - {block["module"] for block in found}
    if unknown:
        raise app.UsageError(f"{PAGE.name} has no command of {', '.join(sorted(unknown))}.")
    commands = [block["command"] for block in found if not asked or block["module"] in asked]
    failed = []
    for number, command in enumerate(commands, start=1):
        logging.info("%d of %d: python -m %s", number, len(commands), command)
        told = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        if told.returncode:
            failed.append(command)
            continue
        page = with_printed(PAGE.read_text(encoding="utf-8"), command, told.stdout)
        write_text(PAGE, page)
    if failed:
        raise SystemExit(f"Failed: {'; '.join(failed)}.")


if __name__ == "__main__":
    app.run(main)
