"""The command that turns and relights pictures."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from dcign_tf.cli.definition import (
    calibration_of,
    chosen_run,
    command,
    image,
    path,
    run_or_model,
    take_arguments,
)
from dcign_tf.cli.running import quiet_loading
from dcign_tf.errors import UserError
from dcign_tf.files import check_writable, sha256
from dcign_tf.quantities import finite_number

if TYPE_CHECKING:
    from dcign_tf.editing.picture_files import Range

FLAGS = flags.FLAGS
_EXAMPLE = "such as --azimuth_deg=20 or --azimuth_deg=-40:40"
_FRAMES = "How many values of each range."


def _parse(argv: Sequence[str], **required: str) -> list[dict[str, Range]]:
    """The names of the values are the model's, so they are no flags of ours."""
    rest, asked, others = FLAGS(argv, known_only=True)[1:], {}, []
    words = iter(rest)
    for word in words:
        if not word.startswith("--"):
            others.append(word)
            continue
        name, is_given, text = word.removeprefix("--").partition("=")
        asked[name] = _parse_range(name, text if is_given else next(words, ""))
    take_arguments(others, **required)
    if not asked:
        raise flags.Error(f"Nothing is to change; give a value {_EXAMPLE}.")
    return [asked]


def _parse_range(name: str, text: str) -> Range:
    from dcign_tf.editing.picture_files import Range

    numbers = [finite_number(number) for number in text.split(":")]
    if len(numbers) > 2 or any(map(math.isnan, numbers)):
        given = f"--{name}={text}" if text else f"--{name}"
        raise flags.Error(f"{given} is neither a flag nor a value {_EXAMPLE}.")
    return Range(numbers[0], numbers[-1])


def _check_files(image: Path, output: Path, asked: Mapping[str, Range]) -> None:
    """Raises `UserError` if there is nothing to read, or the output does not fit or be written."""
    from dcign_tf.datasets.pictures import check_picture
    from dcign_tf.editing import picture_files
    from dcign_tf.editing.animation import ENCODERS

    suffix = output.suffix.lower()
    ranges = [name for name, values in asked.items() if values.varies]
    if suffix not in ("", ".png", *ENCODERS):
        raise UserError(f"--output={output} must end in .png, .gif or .mp4, or be a folder's name.")
    if suffix and image.is_dir():
        raise UserError(f"{image} is a folder; --output={output} must then be a folder's name.")
    if suffix == ".png" and ranges:
        raise UserError(
            f"--{ranges[0]} is a range, and --output={output} one picture:"
            " write a .gif or .mp4, or into a folder (a name without suffix)."
        )
    if suffix in ENCODERS and not ranges:
        raise UserError(f"--output={output} is an animation; give a range {_EXAMPLE}.")
    if not image.exists():
        raise UserError(f"There is no picture or folder {image}.")
    if suffix:
        check_picture(image)  # says if it is none
        picture_files.check_is_another(image, output)
        picture_files.check_count(asked, FLAGS.frames, is_animation=True)
    else:
        picture_files.check_count(asked, FLAGS.frames)
        picture_files.find_sources(image, output)
    check_writable(output, is_folder=not suffix)


@command(
    image("Picture or folder"),
    *run_or_model(),
    path("output", "What to write: NAME.png, .gif or .mp4; or a folder (without suffix)."),
    functools.partial(flags.DEFINE_integer, "frames", 24, _FRAMES, lower_bound=2),
    parse=_parse,
    image="a picture, or a folder of them",
    output="what to write",
)
def rerender(asked: Mapping[str, Range]) -> None:
    """Turns and relights what pictures show, into pictures, animations or a dataset.

        dcign-tf rerender face.png --azimuth_deg=30 --output=turned.png
        dcign-tf rerender face.png --azimuth_deg=-40:40 --output=turn.gif
        dcign-tf rerender photos --azimuth_deg=-40:40 --frames=9 --output=augmented

    Values are in degrees, by the names that the model was calibrated with (`azimuth_deg`,
    `elevation_deg`, `light_azimuth_deg` for the faces), one number or a range; what is not
    named stays as the picture has it. A GIF or MP4 runs through the range and back. A folder gets
    every combination of --frames values of each range, and a manifest.csv that
    `--dataset=manifest` reads; interrupted, the same command goes on.
    """
    source, output = Path(FLAGS.image), Path(FLAGS.output)
    run = chosen_run()
    calibration_of(run).check(asked)
    _check_files(source, output, asked)
    with quiet_loading():
        from dcign_tf.editing.editor import SceneEditor
        from dcign_tf.editing.picture_files import Rerendering
    rerendering = Rerendering(SceneEditor.of_run(run, FLAGS.checkpoint), asked, FLAGS.frames)
    if output.suffix:
        rerendering.write_picture(source, output)
    else:
        weights = sha256(run.checkpoint(FLAGS.checkpoint))
        rerendering.write_folder(source, output, model=weights)
