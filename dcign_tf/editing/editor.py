"""What can be done to a picture through its code: turn it, relight it, make it someone else.

A trained model as plain functions on NumPy arrays, one code at a time; the demo and
`dcign-tf rerender` are made of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from dcign_tf.codec import Codec
from dcign_tf.datasets.pictures import fit_picture
from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.errors import UserError
from dcign_tf.factors import INTRINSIC
from dcign_tf.model.dcign import DCIGN
from dcign_tf.pixels import to_levels, to_unit
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibrated_factor import CalibratedFactor, CalibrationError
from dcign_tf.readouts.familiarity import remark
from dcign_tf.readouts.identities import IDENTITIES_FILE, IdentityDistribution
from dcign_tf.readouts.scene import Reading
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory


class SceneEditor:
    """Reads, changes and decodes codes.

    Codes are those of `Codec`: rearranged, if the model is entangled, so that each
    factor's latents are where the graphics code has them. Values go by names such as
    `azimuth_deg`; an unknown name, or a value outside its range, is a `CalibrationError`.

    Args:
        model: trained and calibrated.
        identities: of the intrinsic latents; without it they are taken to be what the
            model assumes, standard normal, and have no principal directions.
        background: grey level around the objects that it was trained on, 0 to 255.
        fit: how the pictures that it was trained on came into the square (`fit_picture`).

    Attributes:
        image_shape: height, width and channels of the pictures.
        controls: the calibrations of the values that can be asked for.
        remarks: sentences on the factors that cannot be, or have a jump.
        directions: principal directions of the identity, each as long as the standard
            deviation along it, longest first: float32 [I, I], or [0, I] if not known.

    Raises:
        CalibrationError: if the model is not calibrated.
    """

    def __init__(
        self,
        model: DCIGN,
        identities: IdentityDistribution | None = None,
        background: int = 0,
        fit: str = "contain",
    ):
        self._calibration = model.checked_calibration()
        self._judged = model.judged
        self._network = Codec(model).rearranged(self._calibration.latents)
        self._intrinsic = self._network.code.slice(INTRINSIC)
        self.image_shape: tuple[int, int, int] = model.encoder.input_shape[1:]
        self.controls = tuple(self._calibration.usable.values())
        remarks = (calibrated.remark for calibrated in self._calibration.factors.values())
        self.remarks = tuple(filter(None, remarks))
        num_intrinsic = self._network.code.size(INTRINSIC)
        self._prior = IdentityDistribution.prior(num_intrinsic)
        self._identities = identities or self._prior
        self.directions = np.zeros((0, num_intrinsic), np.float32)
        if identities is not None:
            self.directions = identities.principal_directions()
        self._background, self._fit = background, fit

    @classmethod
    def of_run(cls, run: RunDirectory, checkpoint: str = "last") -> SceneEditor:
        """The editor of a trained, evaluated run.

        Args:
            run: with what `dcign-tf evaluate` leaves in it.
            checkpoint: `"last"` or `"best"`, the one `dcign-tf evaluate` was given.

        Raises:
            UserError: if anything is missing or damaged, or the model is not calibrated.
        """
        facts = dataset_facts(run.read_config())
        model = load_model(run.checkpoint(checkpoint))
        try:
            identities = IdentityDistribution.load(run.evaluation / IDENTITIES_FILE)
        except FileNotFoundError:
            identities = None  # evaluated before there was such a file
        of_model = model.code.size(INTRINSIC), int(model.step.numpy())
        if identities and (len(identities.mean), identities.step) != of_model:
            raise UserError(
                f"{run.evaluation / IDENTITIES_FILE} is of another network, or of other weights;"
                f" dcign-tf evaluate --workdir={run.path} --checkpoint={checkpoint} makes it anew."
            )
        return cls(model, identities, facts.background, facts.fit)

    def fit(self, path: str | os.PathLike) -> np.ndarray:
        """A picture as the network takes it, uint8 [H, W, C]; see `fit_picture`.

        Raises:
            DataError: if the file cannot be read as a picture.
        """
        return self._fitted(path, 1)

    def enlarged(self, path: str | os.PathLike, times: int) -> Image.Image:
        """The same, so many times as large: to take parts of.

        Raises:
            DataError: if the file cannot be read as a picture.
        """
        pixels = self._fitted(path, times)
        return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)

    def _fitted(self, path: str | os.PathLike, times: int) -> np.ndarray:
        size, _, channels = self.image_shape
        fitting = {"background": self._background, "fit": self._fit}
        return fit_picture(path, image_size=times * size, channels=channels, **fitting)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """uint8 [B, H, W, C] to codes, float32 [B, latent_dim].

        Raises:
            ValueError: for pictures of another type.
        """
        return self._network.encode(to_unit(images))

    def doubt(self, images: np.ndarray, codes: np.ndarray) -> str:
        """A sentence if pictures are unlike those of training; else, or if nobody knows, empty.

        Args:
            images: uint8 [B, H, W, C].
            codes: what `encode` makes of them.
        """
        return remark(self._judged(to_unit(images), self.model_code(codes)))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Codes [B, latent_dim] to pictures, uint8 [B, H, W, C]."""
        return to_levels(self._network.decode(np.asarray(codes, np.float32)))

    def read(self, code: np.ndarray) -> dict[str, Reading]:
        """What a code [latent_dim] says of the scene: the name of each value to its reading."""
        readings = scene.read(code, self._network.code, self._calibration)
        return {name: Reading(*map(float, reading)) for name, reading in readings.items()}

    def changed(
        self, code: np.ndarray, values: Mapping[str, float | Sequence[float]]
    ) -> np.ndarray:
        """A code, or several, with some values of the scene replaced.

        All else is kept, less what the old ones left in it (`Calibration.leakage`).

        Args:
            code: [latent_dim], or [n, latent_dim], of pictures as they are: from one that was
                changed before, all values are to be asked at once.
            values: by name, each a number, or [n].
        """
        code = np.asarray(code, np.float32)
        return scene.changed(code, self._network.code, self._latents(values), self._calibration)

    def _latents(self, values: Mapping[str, float | Sequence[float]]) -> dict[str, np.ndarray]:
        """The factors of values, by name, to the latents that stand for them."""
        latents = {}
        for name, wanted in values.items():
            factor, calibrated = self.named(name)
            calibrated.check(wanted)
            latents[factor] = calibrated.to_latents(np.asarray(wanted))
        return latents

    def named(self, name: str) -> tuple[str, CalibratedFactor]:
        """The factor of a value, and its calibration: range, period, what can be asked for."""
        try:
            return self._calibration.named(name)
        except KeyError as error:
            raise CalibrationError(str(error.args[0])) from error

    def shifted(self, code: np.ndarray, amounts: Sequence[float]) -> np.ndarray:
        """Codes [..., latent_dim] moved along the first principal directions.

        Args:
            code: after `changed`, which would take a part of it out again.
            amounts: in standard deviations.
        """
        code = np.array(code, np.float32)
        amounts = np.asarray(amounts, np.float32)
        code[..., self._intrinsic] += amounts @ self.directions[: len(amounts)]
        return code

    def someone(self, seed: int, *, from_prior: bool = False) -> np.ndarray:
        """The code of somebody drawn at random, seen and lit from the front.

        Each value is 0, or what comes next to it in its range.

        Args:
            seed: of the draw.
            from_prior: whether the intrinsic latents are drawn from the prior N(0, 1), or from
                the distribution of `identities`, which may be far from it.
        """
        code = np.zeros(self._network.code.latent_dim, np.float32)
        distribution = self._prior if from_prior else self._identities
        code[self._intrinsic] = distribution.draw(1, seed)[0]
        front = {control.name: control.nearest(0.0) for control in self.controls}
        return scene.replaced(code, self._network.code, self._latents(front))

    def model_code(self, code: np.ndarray) -> np.ndarray:
        """Codes [..., latent_dim] in the order of the model's own latents, for `DCIGN.decode`."""
        return scene.restored(code, self._network.order)

    def swung(
        self, code: np.ndarray, name: str, frames: int, values: Mapping[str, float] | None = None
    ) -> np.ndarray:
        """One value swept through its range and back, gently; or once round its circle.

        Args:
            code: [latent_dim], of a picture as it is.
            name: of the value.
            frames: how many.
            values: what others are to be, as for `changed`.

        Returns:
            Codes [frames, latent_dim], to be shown in a loop.
        """
        _, calibrated = self.named(name)
        low, high = calibrated.range
        phase = np.arange(frames) / frames
        if calibrated.period:
            swept = low + calibrated.period * phase
        else:
            swept = low + (high - low) * (1 - np.cos(2 * np.pi * phase)) / 2
        return self.changed(np.tile(code, (frames, 1)), {**(values or {}), name: swept})
