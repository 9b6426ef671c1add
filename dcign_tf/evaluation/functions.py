"""Anybody's encoder and decoder, measured as a trained model of ours is."""

from __future__ import annotations

import os
import pathlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from dcign_tf.codec import Codec
from dcign_tf.datasets.settings import DatasetFacts
from dcign_tf.datasets.sweeps import SweepDataset, distinct_images
from dcign_tf.evaluation.evaluate import IMAGE_SWEEPS, evaluate_network
from dcign_tf.evaluation.report.html_report import write_page
from dcign_tf.factors import INTRINSIC, GraphicsCode
from dcign_tf.files import writing
from dcign_tf.readouts import scene

Function = Callable[[np.ndarray], Any]
"""Arrays in, arrays out, or what `np.asarray` makes arrays of."""


def evaluate(
    encode: Function,
    decode: Function,
    dataset: SweepDataset,
    directory: str | os.PathLike,
    *,
    code: GraphicsCode | None = None,
    split: str = "test",
    name: str = "An encoder and a decoder",
    image_sweeps: int = IMAGE_SWEEPS,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Scores, figures and a page of anybody's network on anybody's data; no run directory.

    Args:
        encode: images, float32 [B, H, W, C] in [0, 1], to codes [B, latents]. Neither function is
            called while another call is under way.
        decode: codes, float32 [B, latents], to images [B, H, W, C] in [0, 1].
        dataset: with training sweeps, which tell what a reconstruction error is worth, validation
            sweeps, on which is fitted what the latents mean, and test sweeps.
        directory: where `scores.json`, `calibration.json`, the figures and `report.html` go.
        code: which latents stand for which factor. Without it those are taken that move most
            while the factor varies (docs/scores.md, entangled networks), one for each.
        split: what is scored, `"test"`, or `"validation"` to choose settings by.
        name: of what is evaluated, for the page.
        image_sweeps: of each factor so many sweeps at most are decoded.
        show: takes lines of progress.

    Returns:
        The scores, as in `scores.json` (docs/scores.md); their `step` is 0.

    Raises:
        ValueError: if the functions give arrays of another shape, or numbers that are not finite,
            the code has other factors than the data, or there are no intrinsic training sweeps.
        UserError: if the data cannot be had, or results not be written.
    """
    dataset.prepare()
    train = dataset.sweeps("train")[INTRINSIC]
    if not len(train):
        raise ValueError("The dataset has no intrinsic training sweep; evaluation takes some.")
    network = FunctionCodec(
        encode,
        decode,
        code or _code_for(encode, dataset),
        dataset.image_shape,
        is_entangled=code is None,
    )
    if set(network.code.extrinsic) != set(dataset.extrinsic):
        raise ValueError(
            f"The code has the factors {', '.join(network.code.extrinsic)},"
            f" the dataset {', '.join(dataset.extrinsic)}."
        )
    network.reconstruct(distinct_images(train[0]))  # says at once if they do not fit
    facts = DatasetFacts()
    directory = pathlib.Path(directory)
    with writing(directory):
        scores, calibration = evaluate_network(
            network,
            dataset,
            directory,
            facts=facts,
            split=split,
            image_sweeps=image_sweeps,
            show=show,
        )
        page = write_page(directory, scores, calibration, facts, name=name)
    show(f"The page to read them on is {page}")
    return scores


class FunctionCodec(Codec):
    """Two functions in place of a model.

    Args:
        encode: as for `evaluate`.
        decode: likewise.
        code: which of their latents belong to which factor.
        image_shape: height, width and channels.
        is_entangled: whether a factor's latents are first to be found.
    """

    step = 0
    is_entangled = False  # in place of `Codec`'s property, to be set below
    decodes_means = False  # nobody knows

    def __init__(
        self,
        encode: Function,
        decode: Function,
        code: GraphicsCode,
        image_shape: tuple[int, int, int],
        *,
        is_entangled: bool = False,
    ):
        self.code, self.is_entangled = code, is_entangled
        self.order = code.order({})
        self._encode, self._decode = encode, decode
        self._image_shape = image_shape
        self._lock = threading.Lock()

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Raises `ValueError` for codes that are not finite, or not [B, latent_dim]."""
        expected = (len(images), self.code.latent_dim)
        with self._lock:
            z = _checked("encode", self._encode, images, expected)
        return scene.arranged(z, self.order)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Raises `ValueError` for images that are not finite, or not [B, H, W, C]."""
        expected = (len(z), *self._image_shape)
        with self._lock:
            return _checked("decode", self._decode, scene.restored(z, self.order), expected)


def _code_for(encode: Function, dataset: SweepDataset) -> GraphicsCode:
    """One latent for each factor, the rest intrinsic, of as many as `encode` gives."""
    codes = np.asarray(encode(distinct_images(dataset.sweeps("train")[INTRINSIC][0])))
    if codes.ndim != 2:
        raise ValueError(f"encode gave an array {codes.shape}; codes are [images, latents].")
    return GraphicsCode.with_intrinsic(dataset.extrinsic, codes.shape[1])


def _checked(
    name: str, function: Function, argument: np.ndarray, expected: tuple[int, ...]
) -> np.ndarray:
    """What a function gives, float32."""
    try:
        array = np.asarray(function(argument), np.float32)
    except OSError as error:  # of a server, say: nobody is to take it for one of our own files
        raise RuntimeError(f"{name} failed: {error}") from error
    if array.shape != expected:
        raise ValueError(f"{name} gave an array {array.shape}; it must be {expected}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} gave numbers that are not finite.")
    return array
