"""Parallel, resumable rendering: the same files whatever happens on the way."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from dcign_tf import resources
from dcign_tf.datasets.storage import generation, parts
from dcign_tf.datasets.storage.generation import (
    check_files,
    exclusive_directory,
    generate_parts,
    make_once,
    publish,
)
from dcign_tf.datasets.storage.parts import Part
from dcign_tf.datasets.storage.workers import render_workers
from dcign_tf.errors import DataError
from tests.helpers import ROOT
from tests.helpers.fake_renders import render, render_and_die, render_and_print, render_badly

PARTS = [
    Part("a-0", [("a", index) for index in range(6)], 2),
    Part("a-1", [("a", index) for index in range(6, 10)], 2),
    Part("b-0", [("b", index) for index in range(5)], 1),
]


def generate(directory: Path, function=render, num_processes: int = 2) -> None:
    directory.mkdir(exist_ok=True, parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "available_workers", lambda _: num_processes)
        generate_parts(directory, PARTS, render=function, serialize=lambda example: [example])


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, bytes]:
    directory = tmp_path_factory.mktemp("expected")
    generate(directory, num_processes=1)
    return contents(directory)


def test_files_hold_the_examples_in_order(tmp_path):
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    generate(tmp_path)
    records = ArrayRecordDataSource([str(tmp_path / "a-1")])
    assert [records[i] for i in range(4)] == [render("a", 6 + i) for i in range(4)]


@pytest.mark.parametrize("num_processes", [2, 3])
def test_bytes_do_not_depend_on_the_number_of_processes(tmp_path, expected, num_processes):
    generate(tmp_path, num_processes=num_processes)
    assert contents(tmp_path) == expected


def test_no_more_processes_than_there_is_memory_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(resources, "num_cpus", lambda: 64)
    monkeypatch.setattr(resources, "memory_bytes", lambda: 1_100_000_000)
    generate_parts(tmp_path, PARTS, render=render, serialize=lambda example: [example])
    assert "with 2 processes into" in capsys.readouterr().err


def test_workers_may_print(tmp_path, expected):
    generate(tmp_path, render_and_print)
    assert contents(tmp_path) == expected


def test_only_what_is_missing_or_damaged_is_made(tmp_path, expected):
    generate(tmp_path)
    kept = (tmp_path / "a-0").stat().st_mtime_ns
    (tmp_path / "a-1").unlink()
    os.truncate(tmp_path / "b-0", 100)
    (tmp_path / ".aside-x").mkdir()
    (tmp_path / ".aside-x" / "a-0").write_bytes(b"of a killed run")
    generate(tmp_path)
    assert contents(tmp_path) == expected
    assert (tmp_path / "a-0").stat().st_mtime_ns == kept


def test_of_links_among_the_files_only_the_links_are_deleted(tmp_path, expected):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "theirs")
    generate(tmp_path / "data")
    assert contents(tmp_path / "data") == expected
    assert (tmp_path / "theirs" / "file").exists()


@pytest.mark.parametrize(("module", "place"), [(parts, "aside"), (generation, "publish")])
def test_a_disk_that_is_full_is_told_of_in_one_line(tmp_path, monkeypatch, module, place):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, place, full)
    destination, staging = tmp_path / "data", tmp_path / "staging"
    with pytest.raises(DataError, match=f"Cannot write data to {staging}: No space left"):
        make_once(destination, staging, lambda: generate(staging))
    assert not destination.exists()


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_the_same_call_completes(tmp_path, expected, signal_number):
    directory = tmp_path / "data"
    program = (
        "import pathlib; from tests.helpers import fake_renders; "
        "from tests.datasets.storage import test_generation as t; "
        f"t.generate(pathlib.Path({str(directory)!r}), fake_renders.render_slowly)"
    )
    paths = [str(ROOT), *sys.path]
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that started the tests in the background would hand down that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        wait_until(lambda: any(directory.glob(".aside-*/a-1")))
        os.killpg(process.pid, signal_number)
        message = process.stderr.read()
    assert not (directory / "a-1").exists()
    kept = (directory / "a-0").stat().st_mtime_ns
    if signal_number == signal.SIGINT:
        assert "1 of 3 files are complete; the same command continues" in message
        assert not list(directory.glob(".aside-*"))
        assert message.count("Traceback") == 1  # of this process; the workers are quiet
    pids = [int(path.name.split("-")[1]) for path in tmp_path.glob("pid-*")]
    assert len(pids) == 2
    wait_until(lambda: not any(is_running(pid) for pid in pids))

    generate(directory)
    assert contents(directory) == expected
    assert (directory / "a-0").stat().st_mtime_ns == kept


def wait_until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status != "Z"


def test_an_exception_in_a_worker_is_shown(tmp_path):
    with pytest.raises(RuntimeError, match="ZeroDivisionError: no such face"):
        generate(tmp_path, render_badly)
    assert not list(tmp_path.glob(".aside-*"))


def test_a_worker_that_dies_is_an_error(tmp_path):
    with pytest.raises(DataError, match="ended unexpectedly: it was killed"):
        generate(tmp_path, render_and_die)


def test_too_little_disk_is_found_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 10**5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"Too little disk space in .* needs about"):
        generate(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["files.json"]


def test_a_disk_that_fills_up_on_the_way_is_an_error(tmp_path):
    program = (
        "import resource, pathlib; from tests.datasets.storage import test_generation as t; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)); "
        f"t.generate(pathlib.Path({str(tmp_path)!r}))"
    )
    paths = [str(ROOT), *sys.path]
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    last_line = finished.stderr.strip().splitlines()[-1]
    assert f"DataError: Cannot write data file {tmp_path / 'a-0'}: " in last_line
    assert "File too large" in last_line
    assert [path.name for path in tmp_path.iterdir()] == ["files.json"]


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataError, match=r"Cannot write data to .*: Not a directory"),
        exclusive_directory(tmp_path / "file" / "data"),
    ):
        pass


def test_a_second_process_waits_for_the_first(tmp_path, capsys):
    staging, destination = tmp_path / "staging", tmp_path / "destination"
    seen = []

    def second():
        with exclusive_directory(staging):
            seen.append(destination.exists())

    thread = threading.Thread(target=second)
    with exclusive_directory(staging):
        generate(staging)
        thread.start()
        wait_until(lambda: "Waiting: another process" in capsys.readouterr().err)
        assert not seen
        publish(staging, destination)
    thread.join()
    assert seen == [True]
    assert not staging.exists()
    assert not (destination / "lock").exists()


def test_what_a_system_puts_beside_the_data_is_none_of_them(tmp_path):
    staging, destination = tmp_path / "staging", tmp_path / "destination"
    with exclusive_directory(staging):
        generate(staging)
        (staging / "@eaDir").mkdir()
        (staging / ".DS_Store").touch()
        publish(staging, destination)
    (destination / ".DS_Store").unlink()
    check_files(destination, full=True)


def test_a_directory_that_goes_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    """Another process published it just then."""
    mkdir, made = Path.mkdir, []

    def make_and_lose(path, **kwargs):
        mkdir(path, **kwargs)
        if not made:
            path.rmdir()
        made.append(path)

    monkeypatch.setattr(Path, "mkdir", make_and_lose)
    with exclusive_directory(tmp_path / "staging"):
        assert (tmp_path / "staging" / "lock").exists()
    assert made == [tmp_path / "staging"] * 2


def test_metadata_of_a_killed_run_is_not_believed(tmp_path):
    """Killed between the record of the metadata and the final name: both are made anew."""
    staging, destination = tmp_path / "staging", tmp_path / "destination"
    with exclusive_directory(staging):
        generate(staging)
        (staging / "features.json").write_text("{}")
        publish(staging, destination)
    destination.rename(staging)
    with exclusive_directory(staging):
        generate(staging)
        (staging / "features.json").write_text('{"new": 1}')
        publish(staging, destination)
    check_files(destination, full=True)


def test_a_log_gets_lines_with_rate_and_time_left(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("dcign_tf.progress._SECONDS_BETWEEN_LINES", 0)
    generate(tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"Rendering 25 images (3 of 3 files) with 2 processes into {tmp_path}"
    assert all(re.search(r"[\d?]/25 \[00:0\d<.*images/s\]", line) for line in lines[1:])
    assert "100%" in lines[-1]


def test_a_lock_that_was_waited_for_holds(tmp_path, capsys):
    """The first process gave up, and took its lock file with it."""
    seen = []

    def second():
        with exclusive_directory(tmp_path / "staging"):
            seen.append((tmp_path / "staging" / "lock").exists())

    thread = threading.Thread(target=second)
    with exclusive_directory(tmp_path / "staging"):
        thread.start()
        wait_until(lambda: "Waiting: another process" in capsys.readouterr().err)
    thread.join()
    assert seen == [True]


class TestCheckFiles:
    @pytest.fixture
    def directory(self, expected, tmp_path) -> Path:
        destination = tmp_path / "destination"
        with exclusive_directory(tmp_path / "staging"):
            for name, content in expected.items():
                (tmp_path / "staging" / name).write_bytes(content)
            (tmp_path / "staging" / "features.json").write_text("{}")
            (tmp_path / "staging" / "a.array_record-0").write_bytes(b"records")
            publish(tmp_path / "staging", destination)
        check_files(destination, full=True)
        return destination

    @pytest.mark.parametrize("filename", ["a-1", "features.json", "files.json"])
    def test_missing(self, directory, filename):
        (directory / filename).unlink()
        with pytest.raises(DataError, match=f"{directory / filename} is missing; delete"):
            check_files(directory)

    @pytest.mark.parametrize("filename", ["a-1", "features.json", "files.json"])
    def test_truncated(self, directory, filename):
        os.truncate(directory / filename, 1)
        with pytest.raises(DataError, match=f"{directory / filename} is damaged"):
            check_files(directory)

    def test_a_pointer_of_version_control(self, directory):
        (directory / "a.array_record-0").write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n"
        )
        with pytest.raises(DataError, match=r"_record-0 is a pointer of Git LFS, .* delete"):
            check_files(directory)

    @pytest.mark.parametrize("filename", ["b-0", "features.json", "a.array_record-0"])
    def test_other_bytes(self, directory, filename):
        damaged = np.fromfile(directory / filename, np.uint8)
        damaged[len(damaged) // 2] ^= 1
        damaged.tofile(directory / filename)
        if "record" in filename:  # which is large, and checked when it is read
            check_files(directory)
        with pytest.raises(DataError, match=f"{filename} is damaged: wrong checksum"):
            check_files(directory, full="record" in filename)

    def test_a_list_of_files_that_is_damaged(self, directory):
        for damaged in ('{"a-1": {"byte": 3, "sha256": ""}}', '{"a-1": 3}', "[]", '{"a": [1]}'):
            (directory / "files.json").write_text(damaged)
            with pytest.raises(DataError, match=r"files\.json is damaged; delete"):
                check_files(directory)

    def test_a_changed_checksum_is_damage_of_the_list_and_not_of_the_file(self, directory):
        files = json.loads((directory / "files.json").read_text())
        files["b-0"]["bytes"] ^= 1
        (directory / "files.json").write_text(json.dumps(files))
        with pytest.raises(DataError, match=r"files\.json is damaged; delete"):
            check_files(directory)


def test_workers_are_given_few_tasks_ahead():
    taken = []

    def tasks():
        for index in range(100):
            taken.append(index)
            yield "a", index

    with render_workers(render, 2) as rendered:
        assert next(rendered(tasks())) == render("a", 0)
    assert len(taken) <= 8
