"""Progress as a log shows it."""

from __future__ import annotations

import io
import sys

import pytest

from dcign_tf.progress import Progress


@pytest.mark.parametrize(("encoding", "bar"), [("utf-8", "|██"), ("latin-1", "|##")])
def test_the_bar_is_of_characters_that_the_log_can_hold(monkeypatch, encoding, bar):
    log = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(log, encoding, errors="replace"))
    with Progress(4) as progress:
        progress.update(3)
    assert bar in log.getvalue().decode(encoding)
