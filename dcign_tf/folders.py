"""What lies in a folder of the user's, without what operating systems and servers put there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Of Synology, macOS, Windows, Linux and QNAP: thumbnails and bins, with pictures in them.
_SYSTEMS = frozenset(
    {
        "@eadir",
        "#recycle",
        "#snapshot",
        "__macosx",
        "$recycle.bin",
        "system volume information",
        "thumbs.db",
        "desktop.ini",
        "lost+found",
        "@recycle",
    }
)


def is_shown(name: str) -> bool:
    """Whether a file or folder of this name is the user's: neither hidden nor a system's."""
    return not name.startswith(".") and name.lower() not in _SYSTEMS


def files_below(folder: Path, *, without: Path | None = None) -> Iterator[Path]:
    """Yields the files of a folder and of those in it, in the order of their names.

    Links are followed, but nothing is taken twice, by whatever names it can be reached:
    the file itself goes before a link to it in the same folder. A link that leads nowhere
    is yielded, too.

    Args:
        folder: whose files are wanted.
        without: a folder that is left out.
    """
    seen = {os.path.realpath(place) for place in (without, folder) if place}
    for place, folders, names in os.walk(folder, followlinks=True):
        there = Path(place)
        real_place = os.path.realpath(place)

        def first_of_all(name: str, there: Path = there) -> tuple[bool, str]:
            return (there / name).is_symlink(), name

        def is_new(name: str, there: Path = there, real_place: str = real_place) -> bool:
            path = there / name
            # Not `resolve`, which fails at a link that leads to itself.
            real = os.path.realpath(path) if path.is_symlink() else os.path.join(real_place, name)
            if not is_shown(name) or real in seen:
                return False
            seen.add(real)
            return True

        folders[:] = filter(is_new, sorted(folders, key=first_of_all))
        yield from (there / name for name in filter(is_new, sorted(names, key=first_of_all)))
