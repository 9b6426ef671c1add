"""What a command leaves when it ends in an error."""

from __future__ import annotations

import errno
import os
import pathlib
import subprocess
import sys

import pytest
from absl.testing import flagsaver

from dcign_tf.cli import definition, running
from dcign_tf.concurrency import available_workers, set_workers
from tests.helpers import ROOT


def start(script: str, **kwargs) -> subprocess.CompletedProcess:
    """A shell script in which $DCIGN is `dcign-tf`."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DCIGN": f"{sys.executable} -m dcign_tf",
        **kwargs,
    }
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], env=environment, capture_output=True, timeout=200
    )


def test_a_reader_that_has_seen_enough_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-m", "dcign_tf", "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_a_locale_without_the_characters_of_a_text_gets_question_marks(locale):
    result = start("$DCIGN --help && $DCIGN train --dataset=…", **locale)
    assert b"COMMAND --flag=value ?, and" in result.stdout
    assert result.returncode == 2
    assert result.stderr.startswith(b"dcign-tf train: --dataset ")
    assert result.stderr.count(b"\n") == 1


def test_files_are_in_utf_8_whatever_the_locale(tmp_path):
    code = (
        "import pathlib; from dcign_tf.files import write_text; "
        f"write_text(pathlib.Path({str(tmp_path / 'file')!r}), {'−40° …'!a})"
    )
    result = start(f'{sys.executable} -c "{code}"', LC_ALL="C", PYTHONUTF8="0")
    assert result.stderr == b""
    assert (tmp_path / "file").read_text(encoding="utf-8") == "−40° …"


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_streams_may_be_closed(tmp_path, closed):
    """And no file is taken for them, nor what is written there for an error."""
    code = (
        "import os, sys\nfrom dcign_tf.cli.running import quiet_loading, usual_streams\n"
        "with usual_streams(), quiet_loading():\n"
        f"    file = os.open({str(tmp_path / 'file')!r}, os.O_CREAT | os.O_WRONLY)\n"
        "    print('out')\n    print('error', file=sys.stderr)\n    os.write(2, b'library')\n"
        "sys.exit(0 if file > 2 else 5)"
    )
    assert start(f'{sys.executable} -c "{code}" {closed}').returncode == 0
    assert (tmp_path / "file").read_bytes() == b""


def test_without_a_home_folder_libraries_have_one_that_goes_again(monkeypatch, tmp_path):
    """Else Keras makes a folder called ~ in the working directory."""
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("MPLCONFIGDIR", "mine")
    with running.a_home_for_libraries():
        folder = pathlib.Path(os.environ["KERAS_HOME"])
        (folder / "keras.json").write_text("{}")
        assert os.environ["MPLCONFIGDIR"] == "mine"
    assert "KERAS_HOME" not in os.environ
    assert not folder.exists()
    monkeypatch.setenv("HOME", str(tmp_path))
    with running.a_home_for_libraries():
        assert "KERAS_HOME" not in os.environ


def test_what_no_one_has_thought_of_is_one_line_too(capsys):
    @definition.command()
    def work() -> None:
        """Fails."""
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/log.txt")

    with flagsaver.flagsaver(), pytest.raises(SystemExit):
        running.run(work, "work", [])
    told = "work: Cannot read or write /somewhere/log.txt: No space left on device.\n"
    assert capsys.readouterr().err == told


def test_the_number_of_processes_can_be_set_by_hand():
    told = []

    @definition.command()
    def work() -> None:
        """Counts."""
        told.append(available_workers())

    with flagsaver.flagsaver(), pytest.raises(SystemExit):
        running.run(work, "work", ["--num_processes=7"])
    set_workers(None)
    assert told == [7]
