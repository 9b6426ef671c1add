"""Files and folders are there whole or not at all, and links are not followed to delete."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf import files
from dcign_tf.errors import DataError, UserError
from dcign_tf.files import (
    aside,
    check_disk_space,
    check_writable,
    delete,
    private_to,
    read_json,
    safe_name,
    stand_in,
    sweep,
    write_json,
)
from tests.helpers import ROOT


@pytest.fixture(autouse=True)
def other_process():
    """A process looks once at what others left; each test stands for one of its own."""
    sweep.cache_clear()


@pytest.mark.parametrize(
    ("mode", "readers"),
    [
        (0o755, None),
        (0o750, "its owner and its group (mode 750)"),
        (0o700, "its owner (mode 700)"),
        (0o744, "its owner (mode 744)"),  # names alone, of files that cannot be opened
    ],
)
def test_who_alone_can_read_a_folder_is_said(tmp_path, mode, readers):
    tmp_path.chmod(mode)
    assert private_to(tmp_path) == readers


class TestAside:
    def test_a_folder_appears_whole(self, tmp_path):
        with aside(tmp_path / "new" / "folder") as temporary:
            temporary.mkdir()
            (temporary / "file").write_text("content")
            assert not (tmp_path / "new" / "folder").exists()
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["folder"]
        assert (tmp_path / "new" / "folder" / "file").read_text() == "content"

    @pytest.mark.parametrize("is_folder", [False, True])
    def test_what_fails_leaves_the_old_one_and_nothing_beside_it(self, tmp_path, is_folder):
        path = tmp_path / "file.png"
        path.write_text("old")

        def fail_halfway():
            with aside(path) as temporary:
                assert temporary.suffix == ".png"
                if is_folder:
                    (temporary / "inside").mkdir(parents=True)
                else:
                    temporary.write_text("new")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_link_is_replaced_and_not_what_it_leads_to(self, tmp_path):
        (tmp_path / "theirs").write_text("theirs")
        (tmp_path / "file").symlink_to("theirs")
        write_json(tmp_path / "file", {})
        assert (tmp_path / "theirs").read_text() == "theirs"
        assert not (tmp_path / "file").is_symlink()

    def test_of_two_writers_each_writes_the_whole(self, tmp_path):
        with aside(tmp_path / "file") as first, aside(tmp_path / "file") as second:
            first.write_text("first")
            second.write_text("second")
        assert (tmp_path / "file").read_text() == "first"  # whose renaming was the last
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_processes_that_write_the_same_file_at_once(self, tmp_path):
        """None of the writers fails, and whoever reads finds one of the contents, whole."""
        code = (
            "import sys, pathlib, time\nfrom dcign_tf.files import write_json\n"
            "end = time.monotonic() + 1.5\n"
            "while time.monotonic() < end:\n"
            "    write_json(pathlib.Path(sys.argv[1]), {'by': [sys.argv[2]] * 5000})\n"
        )
        path = tmp_path / "scores.json"
        write_json(path, {"by": ["0"]})
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(path), str(number)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=subprocess.PIPE,
            )
            for number in range(3)
        ]
        while any(writer.poll() is None for writer in writers):
            assert len(set(read_json(path, "missing")["by"])) == 1
        assert [writer.communicate()[1] for writer in writers] == [b""] * 3
        assert list(tmp_path.iterdir()) == [path]


class TestSweep:
    def test_what_a_killed_process_left_is_not_kept(self, tmp_path):
        (tmp_path / ".aside-folder" / "half").mkdir(parents=True)
        with aside(tmp_path / "folder") as temporary:
            temporary.mkdir()
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]
        assert not any((tmp_path / "folder").iterdir())

    def test_leftovers_of_a_killed_process_go_and_those_of_a_living_one_stay(self, tmp_path):
        code = (
            "import sys, pathlib, time\nfrom dcign_tf.files import aside\n"
            "with aside(pathlib.Path(sys.argv[1], 'figure.png')) as temporary:\n"
            "    temporary.write_text('half')\n    print('written', flush=True)\n"
            "    time.sleep(60)"
        )
        command = [sys.executable, "-c", code, str(tmp_path)]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as writer:
            assert writer.stdout.readline() == b"written\n"
            write_json(tmp_path / "other.json", {})
            assert list(tmp_path.glob(".aside-*/figure.png"))
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        sweep.cache_clear()
        write_json(tmp_path / "other.json", {})
        assert [path.name for path in tmp_path.iterdir()] == ["other.json"]

    def test_a_folder_that_is_swept_before_it_is_held_is_made_again(self, tmp_path, monkeypatch):
        made = []

        def make_and_lose(**kwargs):
            made.append(files.pathlib.Path(tmp_path / f"{kwargs['prefix']}{len(made)}"))
            if len(made) > 1:
                made[-1].mkdir()
            return str(made[-1])

        monkeypatch.setattr(files.tempfile, "mkdtemp", make_and_lose)
        write_json(tmp_path / "file", {"content": 1})
        assert len(made) == 2
        assert json.loads((tmp_path / "file").read_text()) == {"content": 1}

    def test_a_link_of_that_name_is_left_alone(self, tmp_path):
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs" / "file").touch()
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / ".aside-x").symlink_to(tmp_path / "theirs")
        sweep(tmp_path / "folder")
        assert (tmp_path / "theirs" / "file").exists()


@pytest.mark.parametrize("target", ["folder", "file", "nothing"])
def test_of_a_link_only_the_link_is_deleted(tmp_path, target):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / target)
    delete(tmp_path / "link")
    assert not os.path.lexists(tmp_path / "link")
    assert (tmp_path / "folder" / "inside").exists()
    assert (tmp_path / "file").exists()


class TestCheckWritable:
    def test_what_can_be_written_leaves_no_trace(self, tmp_path):
        check_writable(tmp_path / "a" / "b" / "file")
        check_writable(tmp_path / "a" / "b", is_folder=True)
        (tmp_path / "file").touch()
        check_writable(tmp_path / "file")
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_what_lies_in_the_way(self, tmp_path):
        (tmp_path / "file").touch()
        (tmp_path / "dangling").symlink_to("nowhere")
        for path in (tmp_path / "file" / "a", tmp_path / "dangling" / "a"):
            with pytest.raises(UserError, match=f"Cannot write {path}: No"):
                check_writable(path)
        with pytest.raises(UserError, match=r"Cannot write .*file: Not a directory"):
            check_writable(tmp_path / "file", is_folder=True)
        with pytest.raises(UserError, match=r"Cannot write .*: it is a directory"):
            check_writable(tmp_path)

    def test_a_read_only_place(self):
        """Even root cannot write there."""
        with pytest.raises(UserError, match="Cannot write /proc/sys/runs/a: "):
            check_writable(files.pathlib.Path("/proc/sys/runs/a"))


def test_too_little_disk_space_is_told_in_units_that_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2e5}))
    check_disk_space(tmp_path, 1e5, "data needs about")
    with pytest.raises(DataError, match=r"the data needs about 3\.1 MB and 200\.0 kB are free"):
        check_disk_space(tmp_path, 3.14e6, "data needs about")


class TestSafeName:
    @pytest.mark.parametrize("name", ["azimuth", "light_azimuth_deg", "x-1", "1.5mm"])
    def test_a_plain_one_stays_as_it_is(self, name):
        assert safe_name(name) == name

    @given(names=st.sets(st.text(min_size=1), min_size=2, max_size=6))
    def test_different_names_are_different_files_on_any_disk(self, names):
        folded = {unicodedata.normalize("NFD", safe_name(name)).casefold() for name in names}
        assert len(folded) == len(names)
        for name in map(safe_name, names):
            assert re.fullmatch(r"[a-z0-9_-][a-z0-9_.-]*", name)
            assert len(name) <= 80
            assert os.path.basename(name) == name

    @pytest.mark.parametrize(
        ("one", "other"),
        [("x (mm)", "x [mm]"), ("x", "X"), ("ö", "o\u0308"), ("a/b", "a_b"), ("a" * 99, "a" * 98)],
    )
    def test_names_that_are_alike(self, one, other):
        assert safe_name(one) != safe_name(other)

    def test_no_name_can_be_that_of_another_made_safe(self):
        assert safe_name(safe_name("x (mm)")) != safe_name("x (mm)")


def test_what_version_control_leaves_in_place_of_a_file():
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    assert stand_in(pointer).startswith("a pointer of Git LFS, a few lines of text")
    assert "git annex get" in stand_in(b"/annex/objects/SHA256E-s123--4d7a.bin\n")
    assert stand_in(b"version 2") is None


def test_a_pointer_in_place_of_json_is_not_called_damaged(tmp_path):
    (tmp_path / "config.json").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:4\n"
    )
    with pytest.raises(UserError, match=r"config\.json is a pointer of Git LFS, .*git lfs pull"):
        read_json(tmp_path / "config.json", "")
