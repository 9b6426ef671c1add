"""Checksums are of the content; files are read once and again when they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dcign_tf.datasets.pictures import MOST_BYTES
from dcign_tf.datasets.storage import checksums as module
from dcign_tf.datasets.storage.checksums import checksums, describe_files

NAMES = [f"{number}.png" for number in range(600)]


@pytest.fixture
def folder(tmp_path) -> Path:
    for number, name in enumerate(NAMES):
        (tmp_path / name).write_bytes(b"picture %d" % (number % 7))
    return tmp_path


def of(folder: Path) -> list[bytes]:
    return checksums(folder, NAMES, describe_files(folder, NAMES), folder / "known.bin")


def test_equal_content_equal_checksum(folder):
    found = of(folder)
    assert len(set(found)) == 7
    assert [found.index(checksum) for checksum in found] == [n % 7 for n in range(600)]


def test_only_what_has_changed_is_read_again(folder, monkeypatch):
    before = of(folder)
    (folder / NAMES[5]).write_bytes(b"pictura 5")  # the size stays
    os.utime(folder / NAMES[8], ns=(1, 1))  # the content stays
    read = []
    monkeypatch.setattr(Path, "read_bytes", lambda p: read.append(p.name) or p.open("rb").read())
    after = of(folder)
    assert sorted(set(read) - {"known.bin"}) == [NAMES[5], NAMES[8]]
    assert [i for i in range(600) if before[i] != after[i]] == [5]
    read.clear()
    assert of(folder) == after
    assert read == ["known.bin"]


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(64), bytes(96)])
def test_a_damaged_record_is_made_anew(folder, content):
    before = of(folder)
    (folder / "known.bin").write_bytes(content)
    assert of(folder) == before


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_bit_of_the_record_changes_no_checksum(folder, place, bit):
    before, record = of(folder), folder / "known.bin"
    content = bytearray(record.read_bytes())
    content[place % len(content)] ^= 1 << bit
    record.write_bytes(content)
    assert of(folder) == before


def test_interrupted_it_goes_on_from_where_it_was(folder, monkeypatch):
    original = Path.read_bytes
    read = []

    def read_bytes(path: Path) -> bytes:
        read.append(path.name)
        if path.name == NAMES[550]:
            raise OSError(5, "Input/output error", str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(OSError, match="Input/output error"):
        of(folder)
    monkeypatch.setattr(Path, "read_bytes", original)
    assert len(module._read_record(folder / "known.bin")) == 512  # whole chunks of 256
    assert len(of(folder)) == 600


def test_what_cannot_be_used(folder):
    (folder / "directory").mkdir()
    (folder / "dangling").symlink_to("nowhere")
    with (folder / "huge").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    names = ["missing", "directory", "dangling", "nul\0nul", "0.png/x", "huge", NAMES[0]]
    *reasons, description = describe_files(folder, names)
    assert isinstance(description, bytes)
    words = [reason.strerror for reason in reasons]
    assert "embedded null" in words.pop(3)  # Python 3.13 says more
    assert words == [
        "No such file or directory",
        "It is no file",
        "No such file or directory",
        "Not a directory",
        "It has 250,000,001 bytes; at most 250,000,000 are taken",
    ]
