"""Turns and relights what a picture shows: another picture, an animation, or many pictures.

    python -m dcign_tf.cli.rerender face.png --azimuth_deg=30 --output=turned.png
    python -m dcign_tf.cli.rerender face.png --azimuth_deg=-40:40 --output=turn.gif
    python -m dcign_tf.cli.rerender photos --azimuth_deg=-40:40 --frames=9 --output=augmented

Values are in degrees, by the names that the model was calibrated with (`azimuth_deg`,
`elevation_deg`, `light_azimuth_deg` for the faces), one number or a range; what is not
named stays as the picture has it. A GIF or MP4 runs through the range and back. A folder gets
every combination of --frames values of each range, and a manifest.csv that
`--dataset=manifest` reads; interrupted, the same command goes on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from absl import flags

from dcign_tf.cli import running
from dcign_tf.editing.animation import SUFFIXES
from dcign_tf.editing.picture_files import Range, rerender_folder, rerender_picture
from dcign_tf.errors import UserError
from dcign_tf.pretrained import pretrained_run
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS
_EXAMPLE = "such as --azimuth_deg=20 or --azimuth_deg=-40:40"


def define_flags() -> None:
    """Not at import: other scripts have flags of these names."""
    flags.DEFINE_string("image", None, "Picture or folder; may be given without --image=.")
    flags.DEFINE_string(
        "output",
        None,
        "What to write: NAME.png, .gif or .mp4; or a folder (without suffix).",
    )
    flags.DEFINE_integer("frames", 24, "How many values of each range.", lower_bound=2)
    flags.DEFINE_string("workdir", None, "Run directory of train.py; else the model in the box.")
    flags.DEFINE_enum("checkpoint", "last", ["last", "best"], "The one evaluate.py was given.")


def parse_flags(argv: Sequence[str]) -> dict[str, Range]:
    """Parses; returns the values asked for, whose names are the model's."""
    program, *rest = FLAGS(argv, known_only=True)
    asked = dict(_parse_value(argument) for argument in rest if argument.startswith("--"))
    pictures = [argument for argument in rest if not argument.startswith("--")]
    if pictures and FLAGS.image is None:
        FLAGS.image = pictures.pop(0)
    running.reject_arguments([program, *pictures])
    for name, what in (("image", "a picture, or a folder of them"), ("output", "what to write")):
        if FLAGS[name].value is None:
            raise flags.Error(f"--{name} is missing: {what}.")
    if not asked:
        raise flags.Error(f"Nothing is to change; give a value {_EXAMPLE}.")
    return asked


def _parse_value(argument: str) -> tuple[str, Range]:
    name, _, text = argument.removeprefix("--").partition("=")
    try:
        numbers = [float(number) for number in text.split(":")]
        if len(numbers) > 2 or not all(map(math.isfinite, numbers)):
            raise ValueError(text)
    except ValueError:
        raise flags.Error(f"{argument} is neither a flag nor a value {_EXAMPLE}.") from None
    return name, Range(numbers[0], numbers[-1])


def main(asked: Mapping[str, Range]) -> None:
    """Renders as the flags say."""
    image, output = Path(FLAGS.image), Path(FLAGS.output)
    _check_output(image, output, asked)
    run = RunDirectory(FLAGS.workdir) if FLAGS.workdir else pretrained_run()
    run.read_config()  # says at once if this is no run directory
    with running.quiet_loading():
        from dcign_tf.editing.editor import SceneEditor
    editor = SceneEditor.of_run(run, FLAGS.checkpoint)
    if output.suffix:
        rerender_picture(editor, image, output, asked, FLAGS.frames)
    else:
        file = run.checkpoint(FLAGS.checkpoint)
        weights = hashlib.sha256(file.read_bytes()).hexdigest()
        rerender_folder(editor, image, output, asked, FLAGS.frames, model=weights)


def _check_output(image: Path, output: Path, asked: Mapping[str, Range]) -> None:
    suffix = output.suffix.lower()
    ranges = [name for name, values in asked.items() if values.varies]
    if suffix not in ("", ".png", *SUFFIXES):
        raise UserError(f"--output={output} must end in .png, .gif or .mp4, or be a folder's name.")
    if suffix and image.is_dir():
        raise UserError(f"{image} is a folder; --output={output} must then be a folder's name.")
    if suffix == ".png" and ranges:
        raise UserError(
            f"--{ranges[0]} is a range, and --output={output} one picture:"
            " write a .gif or .mp4, or into a folder (a name without suffix)."
        )
    if suffix in SUFFIXES and not ranges:
        raise UserError(f"--output={output} is an animation; give a range {_EXAMPLE}.")
    if not image.exists():
        raise UserError(f"There is no picture or folder {image}.")


if __name__ == "__main__":
    define_flags()
    wanted: dict[str, Range] = {}
    running.run(lambda: main(wanted), lambda argv: wanted.update(parse_flags(argv)))
