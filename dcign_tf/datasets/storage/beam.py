"""A dataset's files made by Apache Beam, on many machines: one file is one piece of work.

Each worker writes files under their final names into the dataset's folder, which all workers
reach under one path. So a local run goes on with what Beam has left, and the reverse.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import threadpoolctl

from dcign_tf.datasets.storage.parts import Part, write_part
from dcign_tf.errors import UserError
from dcign_tf.files import read_json, write_json

_options: contextvars.ContextVar[Sequence[str] | None] = contextvars.ContextVar(
    "options", default=None
)
_DONE = ".done.json"  # behind a file's name: what is known of it, until all are made


@contextlib.contextmanager
def through_beam(options: Sequence[str]) -> Iterator[None]:
    """Within it, data that are made are made by Beam.

    Args:
        options: of the pipeline, such as `--runner=FlinkRunner`.

    Raises:
        UserError: if Beam is not installed.
    """
    if find_spec("apache_beam") is None:
        raise UserError("Apache Beam is not installed: pip install 'dcign-tf[beam]'.")
    token = _options.set(options)
    try:
        yield
    finally:
        _options.reset(token)


def is_asked_for() -> bool:
    """Whether this is within `through_beam`."""
    return _options.get() is not None


def make_parts(
    directory: Path,
    parts: Sequence[Part],
    *,
    render: Callable[..., Any],
    serialize: Callable[[Any], Sequence[bytes]],
) -> None:
    """Writes files into a folder, each with a note on it (`finished`); see `generate_parts`.

    Raises:
        UserError: if the pipeline fails; what is finished is kept.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    make = functools.partial(_make, directory, render, serialize)
    try:
        with beam.Pipeline(options=PipelineOptions(list(_options.get() or ()))) as pipeline:
            _ = pipeline | beam.Create(list(parts)) | beam.Reshuffle() | beam.Map(make)
    except Exception as error:  # whatever a runner raises, with what its workers said
        *_, reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"Apache Beam could not make all files of {directory}: {reason}."
            " The same command goes on with those that are missing."
        ) from error


def _make(
    directory: Path,
    render: Callable[..., Any],
    serialize: Callable[[Any], Sequence[bytes]],
    part: Part,
) -> None:
    from apache_beam.metrics import Metrics

    images = Metrics.counter("dcign_tf", "images")
    # The last bits of a BLAS product can depend on the number of threads.
    with threadpoolctl.threadpool_limits(1):
        examples = (serialize(render(*example)) for example in part.examples)
        written = write_part(directory / part.filename, part, examples, images.inc)
    write_json(_note(directory, part.filename), written)


def finished(directory: Path) -> dict[str, dict[str, Any]]:
    """The files of a folder that workers have finished: names to what `files.json` says of them."""
    notes = directory.glob(f"*{_DONE}")
    return {note.name.removesuffix(_DONE): read_json(note, f"{note} is gone.") for note in notes}


def forget(directory: Path) -> None:
    """Deletes the notes on finished files, once `files.json` says what they said."""
    for note in directory.glob(f"*{_DONE}"):
        note.unlink()


def _note(directory: Path, filename: str) -> Path:
    return directory / f"{filename}{_DONE}"
