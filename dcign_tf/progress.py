"""A progress bar on a terminal; a line now and then in a log."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Images done, rate and time left, on standard error; a context manager.

    Args:
        total: number of images to come.
        unit: what is counted, if not images; bytes ("B") are shown in kB, MB and so on.
    """

    def __init__(self, total: int, *, unit: str = " images"):
        self._total = total
        has_blocks = "utf" in (getattr(sys.stderr, "encoding", None) or "").lower()
        self._format = {"unit": unit, "unit_scale": unit == "B", "ascii": not has_blocks}
        self._done = 0
        self._start = self._last_line = time.monotonic()
        self._bar = tqdm(total=total, disable=None, **self._format)  # disabled off a terminal

    def update(self, count: int) -> None:
        """Counts `count` more images as done."""
        self._done += count
        self._bar.update(count)
        if self._bar.disable and time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._print_line()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the bar, or prints the last line."""
        if self._bar.disable and self._done:
            self._print_line()
        self._bar.close()

    def _print_line(self) -> None:
        self._last_line = time.monotonic()
        elapsed = self._last_line - self._start
        line = tqdm.format_meter(self._done, self._total, elapsed, ncols=80, **self._format)
        print(line, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds in words: `1 h 05 min`, `12 min 30 s`, `8 s`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
