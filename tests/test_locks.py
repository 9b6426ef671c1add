"""Locks hold while their holder lives, and where there are none work goes on."""

from __future__ import annotations

import errno
import fcntl
import threading

import pytest

from dcign_tf import locks
from dcign_tf.datasets.storage.generation import exclusive_directory
from dcign_tf.files import write_aside
from dcign_tf.locks import lock
from dcign_tf.runs.directory import RunDirectory


def test_the_second_is_refused_or_waits(tmp_path, capsys):
    done = []

    def wait():
        with lock(tmp_path / "a" / "lock", waiting="Waiting for it"):
            done.append("second")

    with lock(tmp_path / "a" / "lock"):
        with pytest.raises(BlockingIOError), lock(tmp_path / "a" / "lock"):
            pass
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.2)
        done.append("first")
    thread.join()
    assert done == ["first", "second"]
    assert capsys.readouterr().err == "Waiting for it\n"


def test_a_lock_file_that_its_holder_deleted_is_made_again(tmp_path, monkeypatch):
    """It was opened just before, so that what was locked was no longer there."""
    hold = locks.try_to_hold

    def lose_first(descriptor):
        monkeypatch.setattr(locks, "try_to_hold", hold)
        (tmp_path / "lock").unlink()
        return hold(descriptor)

    monkeypatch.setattr(locks, "try_to_hold", lose_first)
    with lock(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_of_and_used(tmp_path, monkeypatch, capsys, number):
    def refuse(descriptor, operation):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with RunDirectory(tmp_path / "run").locked(), exclusive_directory(tmp_path / "data"):
        write_aside(tmp_path / "run" / "file", lambda path: path.write_text("content"))
    assert (tmp_path / "run" / "file").read_text() == "content"
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(" knows no locks;")[0] for line in told] == [
        f"Note: the file system of {tmp_path / folder}" for folder in ("run", "data")
    ]
