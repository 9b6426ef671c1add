"""The page: what is where, and what happens when something is moved."""

from __future__ import annotations

import functools
import json
import math
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from dcign_tf.datasets.pictures import encode_png, fitted
from dcign_tf.demo.panels import panels
from dcign_tf.editing.animation import encode_gif, encode_mp4
from dcign_tf.editing.editor import SceneEditor
from dcign_tf.errors import UserError
from dcign_tf.evaluation.showcase import EXAMPLES_FOLDER
from dcign_tf.folders import is_shown
from dcign_tf.quantities import display_name
from dcign_tf.readouts.calibrated_factor import CalibratedFactor
from dcign_tf.runs.directory import RunDirectory

DIRECTIONS = 6
"""As many sliders of the identity there are."""
_MOST_DEVIATIONS = 3.0
_FRAMES = 40

# One after the other: what was asked for last is shown last, however long it takes.
_QUIET = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "page",
    "concurrency_limit": 1,
}
# Moving a slider: what is asked for meanwhile is dropped, but for the last.
_LIVE = {**_QUIET, "trigger_mode": "always_last"}


_TITLE = "Deep Convolutional Inverse Graphics Network"
_HINT = "A picture of any shape: it is fitted into the network's square."
_PRIOR = (
    "Drawn from N(0, 1): where the codes of training lie elsewhere, this looks like none of it."
)
_UPLOADS_KEPT_S = 3_600, 86_400  # looked at each hour, those of a day ago go
_MOST_ZOOM = 4


_button = functools.partial(gr.Button, size="sm", min_width=120)

_Changes = dict[gr.blocks.Block, Any]
"""A part of the page to its new value."""


class _Subject(NamedTuple):
    """Who is shown: a code, the picture it was read from (PNG), if there is one, and its doubt."""

    code: np.ndarray
    picture: bytes | None = None
    doubt: str = ""


class _Upload(NamedTuple):
    """A picture from the user, as the network takes it, and larger, to take parts of.

    Attributes:
        picture: uint8 [H, W, C].
        large: the same, `_MOST_ZOOM` times as large.
    """

    picture: np.ndarray
    large: Image.Image

    def part(self, zoom: float, across: float, down: float) -> np.ndarray:
        """A square part of it: uint8 [H, W, C].

        Args:
            zoom: how many times larger it is shown than in the whole, 1 to 4.
            across: where it lies: from 0, at the left, to 1.
            down: from 0, at the top, to 1.
        """
        if zoom == 1:
            return self.picture
        whole = self.large.width
        side = round(whole / zoom)
        left, upper = (round(place * (whole - side)) for place in (across, down))
        part = self.large.crop((left, upper, left + side, upper + side))
        size, _, channels = self.picture.shape
        return fitted(part, image_size=size, channels=channels, fit="contain")


def application(models: Mapping[str, RunDirectory], checkpoint: str) -> gr.Blocks:
    """A page for each model, with links from one to the others, ready to be served.

    Args:
        models: what a page is called to its run, trained and evaluated; the first one's page is
            what the address opens.
        checkpoint: `"last"` or `"best"`, the one that was evaluated.
    """
    with gr.Blocks(title=_TITLE, delete_cache=_UPLOADS_KEPT_S) as blocks:
        first, *others = models
        navigation = {"visible": bool(others), "main_page_name": first}
        gr.Navbar(**navigation)
        Page(models[first], checkpoint)
    for name in others:
        with blocks.route(name):
            gr.Navbar(**navigation)
            Page(models[name], checkpoint)
    return blocks


class Page:
    """Builds a page where it is made; its methods are what the page's parts call.

    At first it shows the example that the network draws best, already turned.

    Args:
        run: trained and evaluated.
        checkpoint: `"last"` or `"best"`, the one that was evaluated.
    """

    def __init__(self, run: RunDirectory, checkpoint: str):
        self._editor = SceneEditor.of_run(run, checkpoint)
        examples = (run.evaluation / EXAMPLES_FOLDER).glob("*.png")
        self._examples = sorted(path for path in examples if is_shown(path.name))
        self._num_directions = min(DIRECTIONS, len(self._editor.directions))
        self._lay_out(self._best_example() if self._examples else self._somebody())
        self._connect()

    # === Layout ===

    def _lay_out(self, start: _Subject) -> None:
        values = self._turned(self._slider_values(start.code))
        gr.HTML(panels.header(_TITLE))
        self._code = gr.State(start.code)
        with gr.Row(elem_id="pictures"):
            self._pictures = [gr.HTML(html) for html in self._pictures_of(start)]
            self._rendering = gr.HTML(self._render(start.code, *values))
        self._readings = gr.HTML(panels.readings(self._editor.read(start.code)))
        with gr.Row(elem_id="controls"):
            # First: on a phone, right below the pictures.
            with gr.Column(scale=3, min_width=280, elem_id="sliders" if values else None):
                self._lay_out_sliders(values)
            with gr.Column(scale=2, min_width=280):
                self._lay_out_subjects(start)

    def _lay_out_subjects(self, start: _Subject) -> None:
        self._upload = gr.File(
            label="Your picture",
            show_label=False,
            file_types=["image"],
            height=130,
            elem_id="upload",
        )
        self._message = gr.HTML(_message_of(start))
        self._taken = gr.State(None)
        with gr.Accordion("Part of your picture", open=False, elem_id="part"):
            self._part = [
                _number_slider(1, _MOST_ZOOM, 1, step=0.05, label="Zoom", interactive=False),
                _number_slider(0, 1, 0.5, step=0.01, label="Left to right", interactive=False),
                _number_slider(0, 1, 0.5, step=0.01, label="Top to bottom", interactive=False),
            ]
        self._gallery = gr.Gallery(
            [str(path) for path in self._examples],
            label="Examples",
            show_label=False,
            columns=4,
            allow_preview=False,
            object_fit="cover",
            interactive=False,
            buttons=[],
            visible=bool(self._examples),
            elem_id="examples",
        )
        with gr.Row(elem_id="people"):
            self._random = _button("One at random")
            self._prior = _button("From the prior", visible=self._num_directions > 0)

    def _lay_out_sliders(self, values: list[float]) -> None:
        self._sliders = [
            _slider(control, value)
            for control, value in zip(self._editor.controls, values, strict=True)
        ]
        with gr.Row(elem_id="actions"):
            self._plays = {
                control.name: _button(f"Play {display_name(control.name)}")
                for control in self._editor.controls
            }
            self._reset = _button("Reset", min_width=80)
        with gr.Accordion(
            "Identity: along its principal directions", open=False, visible=self._num_directions > 0
        ):
            self._directions = [
                _number_slider(
                    -_MOST_DEVIATIONS,
                    _MOST_DEVIATIONS,
                    0.0,
                    step=0.1,
                    label=f"Direction {number} (standard deviations)",
                )
                for number in range(1, self._num_directions + 1)
            ]
        if self._editor.remarks:
            gr.HTML(panels.remarks(self._editor.remarks))

    # === Events ===

    def _connect(self) -> None:
        sliders = [*self._sliders, *self._directions]
        everything = [self._code, *self._pictures, self._readings, self._message]
        everything += [self._rendering, *sliders, self._taken, *self._part]
        for slider in sliders:
            slider.input(self._render, [self._code, *sliders], self._rendering, **_LIVE)
        self._upload.upload(self._take_upload, self._upload, [*everything, self._upload], **_QUIET)
        for slider in self._part:
            slider.input(self._take_part, [self._taken, *self._part], everything, **_LIVE)
        self._gallery.select(self._take_example, None, everything, **_QUIET)
        self._random.click(self._take_somebody, None, everything, **_QUIET)
        self._prior.click(self._take_prior, None, everything, **_QUIET)
        self._reset.click(self._put_back, self._code, [self._rendering, *sliders], **_QUIET)
        for name, button in self._plays.items():
            play = functools.partial(self._play, name)
            button.click(play, [self._code, *sliders], self._rendering, **_QUIET)

    def _take_upload(self, path: str) -> _Changes:
        try:
            taken = _Upload(self._editor.fit(path), self._editor.enlarged(path, _MOST_ZOOM))
            shown = self._show(self._of_picture(taken.picture))
            return {
                **shown,
                self._taken: taken,
                **self._parts(interactive=True),
                self._upload: None,
            }
        except UserError as error:
            why = f"{error}.".replace(path, os.path.basename(path))
            return {self._message: panels.message(why, is_error=True), self._upload: None}

    def _take_part(self, taken: _Upload | None, *place: float) -> _Changes:
        """Of the picture that was uploaded, if one is shown."""
        if taken is None:
            return {}
        shown = self._show(self._of_picture(taken.part(*place)))
        return {key: value for key, value in shown.items() if key not in [self._taken, *self._part]}

    def _parts(self, interactive: bool) -> _Changes:
        """The whole picture, of which a part can be chosen or not."""
        whole = (1, 0.5, 0.5)
        return {
            slider: gr.update(value=value, interactive=interactive)
            for slider, value in zip(self._part, whole, strict=True)
        }

    def _take_example(self, event: gr.SelectData) -> _Changes:
        return self._show(self._of_file(self._examples[event.index]))

    def _take_somebody(self) -> _Changes:
        return self._show(self._somebody())

    def _take_prior(self) -> _Changes:
        return self._show(self._somebody(from_prior=True), _PRIOR)

    def _put_back(self, code: np.ndarray) -> _Changes:
        """The sliders to where the code says."""
        values = [*self._slider_values(code), *[0.0] * len(self._directions)]
        sliders = zip([*self._sliders, *self._directions], values, strict=True)
        return {self._rendering: self._render(code, *values), **dict(sliders)}

    def _render(self, code: np.ndarray, *values: float) -> str:
        code = self._changed(code, values)
        return self._rendering_panel(code, self._editor.decode(code[np.newaxis]))

    def _play(self, name: str, code: np.ndarray, *values: float) -> str:
        scene, amounts = self._asked(values)
        frames = self._editor.swung(code, name, _FRAMES, scene)
        images = self._editor.decode(self._editor.shifted(frames, amounts))
        return self._rendering_panel(self._changed(code, values), images)

    # === What is shown ===

    def _best_example(self) -> _Subject:
        """The example that is drawn with the least error."""
        pictures = np.stack([self._editor.fit(path) for path in self._examples])
        drawn = self._editor.decode(self._editor.encode(pictures))
        errors = np.square(pictures.astype(float) - drawn).mean(axis=(1, 2, 3))
        return self._of_picture(pictures[errors.argmin()])

    def _of_file(self, path: Path) -> _Subject:
        """Raises `DataError` if it is no picture."""
        return self._of_picture(self._editor.fit(path))

    def _of_picture(self, picture: np.ndarray) -> _Subject:
        """uint8 [H, W, C]."""
        images = picture[np.newaxis]
        codes = self._editor.encode(images)
        return _Subject(codes[0], encode_png(picture), self._editor.doubt(images, codes))

    def _somebody(self, *, from_prior: bool = False) -> _Subject:
        code = self._editor.someone(secrets.randbits(32), from_prior=from_prior)
        return _Subject(code)

    def _show(self, subject: _Subject, message: str = _HINT) -> _Changes:
        """Everything, for a new picture or person."""
        return {
            self._code: subject.code,
            **dict(zip(self._pictures, self._pictures_of(subject), strict=True)),
            self._readings: panels.readings(self._editor.read(subject.code)),
            self._message: _message_of(subject, message),
            self._taken: None,
            **self._parts(interactive=False),
            **self._put_back(subject.code),
        }

    def _pictures_of(self, subject: _Subject) -> list[str]:
        """The picture, and what its code makes of it."""
        drawn = encode_png(self._editor.decode(subject.code[np.newaxis])[0])
        given = "picture given" if subject.picture else "drawn at random: there is no picture"
        return [
            panels.figure("Picture", subject.picture, given),
            panels.figure("Reconstruction", drawn, "reconstruction from the code"),
        ]

    def _rendering_panel(self, code: np.ndarray, images: np.ndarray) -> str:
        """A picture, or, if there are several, an animation that begins with this code's."""
        readings = self._editor.read(code)
        scene = {name: round(reading.value, 2) for name, reading in readings.items()}
        z = self._editor.model_code(code).astype(float).round(6).tolist()
        shown, text = encode_png(images[0]), json.dumps({"scene": scene, "z": z}).encode()
        downloads = {"rendering.png": ("PNG", shown), "code.json": ("code", text)}
        description = "rendering: " + ", ".join(
            f"{display_name(control.name)} {control.quantity.text(scene[control.name])}"
            for control in self._editor.controls
        )
        if len(images) == 1:
            return panels.figure("Rendering", shown, description, downloads=downloads)
        gif = encode_gif(images)
        films = {"rendering.gif": ("GIF", gif), "rendering.mp4": ("MP4", encode_mp4(images))}
        return panels.figure("Rendering", gif, f"animated {description}", "gif", films | downloads)

    # === Sliders ===

    def _slider_values(self, code: np.ndarray) -> list[float]:
        """Where the scene's sliders stand for a code."""
        readings = self._editor.read(code)
        values = []
        for control in self._editor.controls:
            (low, high), value = _ends(control), readings[control.name].value
            values.append(min(max(round(value) if _is_angle(control) else value, low), high))
        return values

    def _turned(self, values: list[float]) -> list[float]:
        """Sliders that show what can be done: the first moved, away from its nearer end."""
        if not values:
            return values
        first = self._editor.controls[0]
        low, high = _ends(first)
        far = 0.4 * (high - low)
        moved = values[0] + (far if values[0] < (low + high) / 2 else -far)
        return [round(moved) if _is_angle(first) else moved, *values[1:]]

    def _changed(self, code: np.ndarray, values: Sequence[float]) -> np.ndarray:
        """A code as the sliders say: those of the scene, then those of the identity."""
        scene, amounts = self._asked(values)
        return self._editor.shifted(self._editor.changed(code, scene), amounts)

    def _asked(self, values: Sequence[float]) -> tuple[dict[str, float], Sequence[float]]:
        """What all sliders say: values of the scene by name, and how far the identity is moved."""
        names = [control.name for control in self._editor.controls]
        return dict(zip(names, values)), values[len(names) :]  # noqa: B905 - then the identity's


def _message_of(subject: _Subject, otherwise: str = _HINT) -> str:
    return panels.message(subject.doubt or otherwise, is_error=bool(subject.doubt))


def _number_slider(low: float, high: float, value: float, **options: Any) -> gr.Slider:
    """With a field beside it, which may hold anything while a number is typed into it."""
    slider = gr.Slider(low, high, value, buttons=[], **options)
    # When it is left, the browser sets it to this, too; gradio's own would raise an error.
    slider.preprocess = lambda typed: min(max(typed or 0, low), high)
    return slider


def _slider(control: CalibratedFactor, value: float) -> gr.Slider:
    low, high = _ends(control)
    step = 1 if _is_angle(control) else (high - low) / 100
    return _number_slider(low, high, value, step=step, label=control.quantity.label.capitalize())


def _ends(control: CalibratedFactor) -> tuple[float, float]:
    """Whole degrees within the range; of other units the range itself."""
    low, high = control.range
    return (math.ceil(low), math.floor(high)) if _is_angle(control) else (low, high)


def _is_angle(control: CalibratedFactor) -> bool:
    return control.quantity.unit == "°"
