"""Feeds damaged files to the readers, in a process with little memory: `harness.py SEED COUNT`.

Each reader has files that are whole. They are cut, spliced, and their bytes and numbers changed,
in archives also those of what is packed there, and values of JSON; what a reader then gives must
be of the right kind, or its refusal one sentence that names the file. A traceback, too much memory
or too much time ends the process, with the input kept in the working directory.
"""

from __future__ import annotations

import copy
import dataclasses
import faulthandler
import io
import json
import os
import pathlib
import random
import resource
import struct
import sys
import time
import zipfile
from collections.abc import Callable, Iterator

MOST_BYTES = 2 << 30
"""Of the process's data."""
MOST_SECONDS = 20
"""For one input."""
INTERESTING = (0, 1, 2, 3, 127, 255, 256, 32767, 65535, 1 << 20, 2**31 - 1, 2**32 - 1, 2**63 - 1)
FORMATS = ("<H", ">H", "<I", ">I", "<Q", ">Q", "<f", "<d")
ODD = (None, True, 0, -1, 7, 10**9, 2**63, 1e308, float("nan"), "", "é", "mean", [], [[]], {})
"""Values that few places in a JSON file expect."""


def mutated(rng: random.Random, whole: bytes) -> bytes:
    """A file with something wrong, or many things."""
    content = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not content:
            break
        # Headers are at the beginning, and in some formats at the end.
        head = rng.random() < 0.6
        place = rng.randrange(min(len(content), 300) if head else len(content))
        match rng.randrange(7):
            case 0:
                content[place] ^= 1 << rng.randrange(8)
            case 1:
                content[place] = rng.randrange(256)
            case 2:
                del content[place:]
            case 3:
                del content[place : place + rng.randrange(1, 40)]
            case 4:
                content[place:place] = content[place : place + rng.randrange(1, 200)]
            case 5:
                layout, value = rng.choice(FORMATS), rng.choice(INTERESTING)
                size = struct.calcsize(layout)
                number = float(value) if layout[1] in "fd" else value % (1 << 8 * size)
                content[place : place + size] = struct.pack(layout, number)
            case 6:
                special = rng.choice((float("nan"), float("inf"), -1e30, 1e-30))
                content[place : place + 4] = struct.pack("<f", special)
    return bytes(content)


def repacked(rng: random.Random, whole: bytes) -> bytes:
    """A zip file with something wrong in one of its files, and checksums that fit."""
    if rng.random() < 0.2:
        return mutated(rng, whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(parts))
    is_json = name.endswith(".json") and rng.random() < 0.8
    parts[name] = (misstated if is_json else mutated)(rng, parts[name])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return file.getvalue()


def misstated(rng: random.Random, text: bytes) -> bytes:
    """JSON with other values at some places, those of other places among them."""
    value = json.loads(text)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(value))
        holder, key = rng.choice(places)
        match rng.randrange(4):
            case 0:
                other, at = rng.choice(places)
                holder[key] = json.loads(json.dumps(other[at]))  # not itself: it may be above
            case 1 if isinstance(holder, dict):
                del holder[key]
            case 2 if isinstance(holder[key], int | float):
                holder[key] *= rng.choice((-1, 0, 0.5, 10, 10**5, 10**9))
            case _:
                holder[key] = copy.deepcopy(rng.choice(ODD))
        if not value:
            break
    return json.dumps(value).encode()


def _places(value: object) -> Iterator[tuple[dict | list, str | int]]:
    """Every holder of a value in it, and where there."""
    if isinstance(value, dict | list):
        for key, entry in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(entry)


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader, and whole files of its kind.

    Attributes:
        read: what is called with a file; returns whether the value is of the right kind.
        refusals: the exceptions whose message is a sentence.
        whole: files that are read.
        damage: makes one of them another.
    """

    read: Callable[[pathlib.Path], bool]
    refusals: tuple[type[Exception], ...]
    whole: tuple[bytes, ...]
    damage: Callable[[random.Random, bytes], bytes] = mutated


def inputs(reader: Reader, seed: int, count: int) -> Iterator[bytes]:
    """The whole files, then damaged ones."""
    yield from reader.whole
    rng = random.Random(seed)
    for _ in range(count):
        yield reader.damage(rng, rng.choice(reader.whole))


def try_reader(name: str, reader: Reader, seed: int, count: int) -> dict[str, int]:
    """Counts what was read and what refused; raises `AssertionError` for anything else."""
    path = pathlib.Path(f"fuzzed.{name}")
    seen = {"read": 0, "refused": 0}
    for number, content in enumerate(inputs(reader, seed, count)):
        path.write_bytes(content)
        faulthandler.dump_traceback_later(30 * MOST_SECONDS, exit=True)  # of a busy machine
        started = time.process_time()
        try:
            assert reader.read(path), f"{name}: a wrong value of input {number}"
            seen["read"] += 1
        except reader.refusals as error:
            message = str(error)
            assert path.name in message, f"{name}: {message!r} names no file"
            assert "\n" not in message, f"{name}: {message!r} is no sentence"
            assert len(message) < 1000, f"{name}: {message[:99]!r}… is too long"
            assert number >= len(reader.whole), f"{name}: {message!r} of a whole file"
            seen["refused"] += 1
        seconds = time.process_time() - started
        assert seconds < MOST_SECONDS, f"{name}: {seconds:.0f} seconds for input {number}"
    faulthandler.cancel_dump_traceback_later()
    path.unlink()
    return seen


def main(group: str, seed: int, count: int) -> None:
    """Tries the readers of a group, one after the other."""
    from tests.fuzz import readers

    of_group = getattr(readers, group)()
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    for name, reader in of_group.items():
        print(name, try_reader(name, reader, seed, count), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
