"""Rendering a dataset's files on all cores, resumable and all or nothing.

A dataset is a list of parts, each one ArrayRecord file. A part is written under
a temporary name and renamed when it is complete, with its size and checksum in
`files.json`; a killed run therefore leaves complete parts, which the next run
keeps, and at most one temporary file, which it removes. What the examples look
like is the caller's business: `render` makes one, in a worker, and `serialize`
makes records of it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dcign_tf.concurrency import available_workers
from dcign_tf.datasets.storage import beam
from dcign_tf.datasets.storage.parts import Part, describe, write_part
from dcign_tf.datasets.storage.workers import render_workers
from dcign_tf.datasets.sweeps import evenly
from dcign_tf.errors import DataError
from dcign_tf.files import (
    check_disk_space,
    delete,
    pointer_in,
    sealed,
    sha256,
    unsealed,
    write_json,
)
from dcign_tf.folders import is_shown
from dcign_tf.locks import lock
from dcign_tf.progress import Progress

FILES_JSON = "files.json"
_LOCK = "lock"
# The first examples of so many files say how large the data will be, since examples differ;
# keep this much more free than they say.
_SAMPLES = 20
_DISK_MARGIN = 1.2
_WORKER_BYTES = 500_000_000  # of memory, at most: one that decodes the largest picture it may
_RECORDS = ".array_record"  # in the name of a file of records


def generate_parts(
    directory: Path,
    parts: Sequence[Part],
    *,
    render: Callable[..., Any],
    serialize: Callable[[Any], Sequence[bytes]],
    verb: str = "Rendering",
) -> None:
    """Makes every part that `directory` does not hold yet.

    As many processes as there may be (`available_workers`) render. The bytes of the files
    depend on `render` alone, not on the number of processes nor on how often the work was
    interrupted.

    Args:
        directory: where the files go; exists, and is locked by the caller. Files that
            are none of the parts are deleted.
        parts: what to make.
        render: what makes an example in a worker process: picklable, and a
            function of its arguments alone.
        serialize: turns what `render` returned into records, in this process.
        verb: what the line of progress says is done to the images.

    Raises:
        DataError: if the disk is (or would get) full, or a worker dies, or what
            `render` raises as such.
    """
    recorded = beam.finished(directory)
    recorded |= _read_files_json(directory) if (directory / FILES_JSON).exists() else {}
    complete = {}
    for part in parts:
        path, written = directory / part.filename, recorded.get(part.filename)
        if written is not None and path.is_file() and path.stat().st_size == written["bytes"]:
            complete[part.filename] = written
    missing = [part for part in parts if part.filename not in complete]
    _write_files_json(directory, complete)
    wanted = {*(part.filename for part in parts), FILES_JSON, _LOCK}
    for path in directory.iterdir():  # temporary ones, notes of Beam's, and parts of other names
        if path.name not in wanted:
            delete(path)
    if not missing:
        return
    num_images = sum(len(part.examples) * part.images_per_example for part in missing)
    what = f"{verb} {num_images:,} images ({len(missing)} of {len(parts)} files)"
    try:
        if beam.is_asked_for():
            print(f"{what} by Apache Beam into {directory}", file=sys.stderr)
            beam.make_parts(directory, missing, render=render, serialize=serialize)
            _write_files_json(directory, complete | beam.finished(directory))
            beam.forget(directory)
        else:
            _make_parts(directory, missing, complete, render, serialize, what)
    except KeyboardInterrupt:
        complete |= beam.finished(directory)
        print(
            f"Interrupted: {len(complete)} of {len(parts)} files are complete; the same command "
            "continues from there.",
            file=sys.stderr,
        )
        raise


def _make_parts(
    directory: Path,
    missing: Sequence[Part],
    complete: dict[str, dict[str, Any]],
    render: Callable[..., Any],
    serialize: Callable[[Any], Sequence[bytes]],
    what: str,
) -> None:
    """Makes parts in processes of this machine, and adds each to `complete` as it is finished."""
    num_images = sum(len(part.examples) * part.images_per_example for part in missing)
    num_tasks = sum(len(part.examples) for part in missing)
    num_processes = min(available_workers(_WORKER_BYTES), num_tasks)
    several = "es" * (num_processes > 1)
    print(f"{what} with {num_processes} process{several} into {directory}", file=sys.stderr)
    with render_workers(render, num_processes) as rendered, Progress(num_images) as progress:
        samples = [missing[index] for index in evenly(missing, _SAMPLES)]
        first = map(serialize, rendered(part.examples[0] for part in samples))
        num_bytes = sum(len(record) for records in first for record in records)
        bytes_per_image = num_bytes / sum(part.images_per_example for part in samples)
        needed = _DISK_MARGIN * bytes_per_image * num_images
        check_disk_space(directory, needed, "data needs about")
        tasks = itertools.chain.from_iterable(part.examples for part in missing)
        examples = map(serialize, rendered(tasks))
        for part in missing:
            path = directory / part.filename
            complete[part.filename] = write_part(path, part, examples, progress.update)
            _write_files_json(directory, complete)


def check_files(directory: Path, *, full: bool = False) -> None:
    """Compares the files of a finished dataset with what was written.

    Args:
        directory: the dataset's directory, with its `files.json`.
        full: compare the checksums of all files. Otherwise of those of records, which are large
            and checked as they are read, only the sizes.

    Raises:
        DataError: if a file is missing or differs; the message names it.
    """
    try:
        files = _read_files_json(directory)
    except FileNotFoundError:
        raise DataError(f"{directory / FILES_JSON} is missing; {_remedy(directory)}.") from None
    for filename, written in files.items():
        path = directory / filename
        if not path.is_file():
            raise DataError(f"Data file {path} is missing; {_remedy(directory)}.")
        if path.stat().st_size != written["bytes"]:
            if pointer := pointer_in(path):
                raise DataError(f"Data file {path} is {pointer}; or {_remedy(directory)}.")
            raise DataError(
                f"Data file {path} is damaged: it has {path.stat().st_size:,} bytes and should "
                f"have {written['bytes']:,}; {_remedy(directory)}."
            )
        if (full or _RECORDS not in filename) and sha256(path) != written["sha256"]:
            raise DataError(f"Data file {path} is damaged: wrong checksum; {_remedy(directory)}.")


def make_once(directory: Path, staging: Path, make: Callable[[], None]) -> None:
    """Makes a dataset's directory unless it is there, and checks the sizes of its files.

    Args:
        directory: the final name, under which it appears when it is complete.
        staging: where `make` writes; what it finished is kept there if it fails.
        make: writes all files, `files.json` too (`generate_parts`).

    Raises:
        DataError: if the directory cannot be written to, or is there but damaged; and
            what `make` raises.
    """
    if not directory.exists():
        with exclusive_directory(staging):
            if not directory.exists():  # unless another process made it meanwhile
                try:
                    make()
                    publish(staging, directory)
                except OSError as error:
                    raise _cannot_write(staging, error) from error
    check_files(directory)


@contextlib.contextmanager
def exclusive_directory(directory: Path) -> Iterator[None]:
    """Creates a directory and holds it against other processes; these wait.

    Raises:
        DataError: if the directory cannot be created or written to.
    """
    waiting = f"Waiting: another process is making the data in {directory}"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock(directory / _LOCK, waiting=waiting))
        except OSError as error:
            raise _cannot_write(directory, error) from error
        try:
            yield
        finally:
            (directory / _LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty, or published
                directory.rmdir()


def _cannot_write(directory: Path, error: OSError) -> DataError:
    return DataError(
        f"Cannot write data to {directory}: {error.strerror or error};"
        " choose another data directory."
    )


def publish(directory: Path, destination: Path) -> None:
    """Gives a complete directory, held by `exclusive_directory`, its final name.

    Files that others added (metadata) are recorded in `files.json` first.
    """
    files = _read_files_json(directory)
    for path in sorted(directory.iterdir()):
        if is_shown(path.name) and path.name not in {*files, FILES_JSON, _LOCK}:
            files[path.name] = describe(path)
    _write_files_json(directory, files)
    (directory / _LOCK).unlink()
    directory.rename(destination)


def _remedy(directory: Path) -> str:
    return f"delete {directory} and run the same command again to make it anew"


def _read_files_json(directory: Path) -> dict[str, dict]:
    path = directory / FILES_JSON
    try:
        files = unsealed(json.loads(path.read_text(encoding="utf-8")))
        for written in files.values():
            if {type(written["bytes"]), type(written["sha256"])} != {int, str}:
                raise ValueError
        return files
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged; {_remedy(directory)}.") from error


def _write_files_json(directory: Path, files: Mapping[str, Mapping]) -> None:
    write_json(directory / FILES_JSON, sealed(dict(sorted(files.items()))))
