"""Folders of the user's, whatever else lies in them."""

from __future__ import annotations

import pytest

from dcign_tf.folders import files_below, is_shown


def write(folder, *names) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def below(folder, **options) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_below(folder, **options)]


@pytest.mark.parametrize("name", [".DS_Store", "._a.png", "@eaDir", "__MACOSX", "Thumbs.db"])
def test_what_systems_leave_is_not_shown(tmp_path, name):
    assert not is_shown(name)
    write(tmp_path, f"{name}/a.png", "b.png")
    assert below(tmp_path) == ["b.png"]


def test_in_the_order_of_names_and_without_one_folder(tmp_path):
    write(tmp_path, "b", "a", "in/c", "made/d")
    assert below(tmp_path, without=tmp_path / "made") == ["a", "b", "in/c"]


def test_links_are_followed_and_nothing_is_taken_twice(tmp_path):
    folder = tmp_path / "folder"
    write(folder, "a", "in/b")
    write(tmp_path, "elsewhere/c")
    (folder / "0").symlink_to(folder / "a")
    (folder / "in" / "round").symlink_to(folder)
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "linked2").symlink_to(tmp_path / "elsewhere")
    (folder / "nowhere").symlink_to(tmp_path / "nothing")
    (folder / "to itself").symlink_to(folder / "to itself")
    assert below(folder) == ["a", "nowhere", "to itself", "in/b", "linked/c"]
