"""Data made by Apache Beam are those that the processes of one machine make, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dcign_tf.datasets.storage.beam import through_beam
from dcign_tf.datasets.storage.generation import generate_parts
from dcign_tf.datasets.storage.parts import Part
from dcign_tf.errors import UserError
from tests.helpers.fake_renders import render, render_badly

PARTS = [
    Part(f"{name}-{number}", [(name, 4 * number + index) for index in range(4)], 2)
    for name in "ab"
    for number in range(3)
]
WORKERS = {
    "one": ["--runner=DirectRunner"],
    "two threads": ["--runner=DirectRunner", "--direct_num_workers=2"],
    "two processes": [
        "--runner=DirectRunner",
        "--direct_num_workers=2",
        "--direct_running_mode=multi_processing",
    ],
}


def serialize(example: bytes) -> list[bytes]:
    return [example]


def generate(folder: Path, options: Sequence[str] | None = None, function=render) -> None:
    folder.mkdir(exist_ok=True)
    if options is None:
        generate_parts(folder, PARTS, render=function, serialize=serialize)
        return
    with through_beam(options):
        generate_parts(folder, PARTS, render=function, serialize=serialize)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("local")
    generate(folder)
    return contents(folder)


def test_without_its_library_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("dcign_tf.datasets.storage.beam.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'dcign-tf\[beam\]'"), through_beam([]):
        pass


class TestDirectRunner:
    @pytest.fixture(autouse=True)
    def _needs_beam(self):
        pytest.importorskip("apache_beam", reason="no Apache Beam: pip install -e '.[beam]'")

    @pytest.mark.parametrize("workers", WORKERS)
    def test_the_same_bytes_whatever_the_number_of_workers(self, tmp_path, expected, workers):
        generate(tmp_path, WORKERS[workers])
        assert contents(tmp_path) == expected

    def test_it_goes_on_where_processes_of_this_machine_stopped(self, tmp_path, expected):
        generate(tmp_path)
        kept = (tmp_path / "a-0").stat().st_mtime_ns
        (tmp_path / "b-1").unlink()
        generate(tmp_path, WORKERS["one"])
        assert contents(tmp_path) == expected
        assert (tmp_path / "a-0").stat().st_mtime_ns == kept

    def test_what_a_worker_cannot_make_is_one_line_and_the_rest_is_kept(self, tmp_path, expected):
        with pytest.raises(UserError, match="Apache Beam could not make all files of ") as caught:
            generate(tmp_path, WORKERS["one"], render_badly)
        assert "\n" not in str(caught.value)
        generate(tmp_path)
        assert contents(tmp_path) == expected
