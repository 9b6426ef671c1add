"""A trained network in use: pictures to codes and scenes, and codes to pictures.

How it is trained is in `dcign_tf.model.dcign`.
"""

from __future__ import annotations

import warnings

import keras
import tensorflow as tf

from dcign_tf.factors import INTRINSIC
from dcign_tf.model.checks import checked, checked_codes, checked_images, checked_numbers
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibrated_factor import CalibrationError
from dcign_tf.readouts.calibration import Calibration, error_name
from dcign_tf.readouts.familiarity import remark

_HOW_TO_CALIBRATE = (
    "Evaluation does it: dcign-tf evaluate --workdir=DIR; or set model.calibration to what"
    " dcign_tf.readouts.fitting.calibrate returns."
)


class SceneModel(keras.Model):
    """An encoder and a decoder whose code is a graphics code; `DCIGN` makes it.

    Attributes:
        encoder, decoder, code, procedure, calibration: as `DCIGN` takes them.
        step: how many training steps the weights have seen, an int64 variable.
    """

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Reconstructions through the mean of the posterior: [B, H, W, C] in [0, 1]."""
        return self.decode(self.encode(images)[0])

    def encode(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images, float [B, H, W, C] in [0, 1], to `(z_mean, z_log_var)` [B, latent_dim].

        Raises:
            ValueError: if they are not [B, H, W, C], or no floats in [0, 1]; in a graph, when it
                runs, a tf.errors.InvalidArgumentError. So do `infer_scene`, `rerender` and a call.
        """
        outputs = self.encoder(checked_images(images, self.encoder.input_shape[1:]))
        return outputs["z_mean"], outputs["z_log_var"]

    def decode(self, z: tf.Tensor) -> tf.Tensor:
        """Codes [B, latent_dim] to mean images, float32 [B, H, W, C] in [0, 1].

        Raises:
            ValueError: if they are of another shape; as for `encode`, in a graph.
        """
        return tf.sigmoid(self.decoder(checked_codes(z, self.code.latent_dim)))

    def infer_scene(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the code says of the scene: angles, how far off they may be, and identity.

        Args:
            images: float32 [B, H, W, C] in [0, 1].

        Returns:
            For each factor of the calibration `azimuth_deg` and `azimuth_error_deg`, its
            root mean square error around that latent (other units: `CalibratedFactor`),
            float32 [B]; `intrinsic`, the intrinsic latents [B, intrinsic latents]; and what
            `judged` tells.

        Raises:
            CalibrationError: if the model is not calibrated.
        """
        calibration = self.checked_calibration()
        order = self.code.order(calibration.latents)
        z_mean, _ = self.encode(images)
        z = scene.arranged(z_mean, order, keras.ops)
        answer = self.judged(images, z_mean)
        for name, reading in scene.read(z, self.code, calibration, keras.ops).items():
            answer |= {name: reading.value, error_name(name): reading.error}
        return {**answer, INTRINSIC: z[:, self.code.slice(INTRINSIC)]}

    def judged(self, images: tf.Tensor, z_mean: tf.Tensor) -> dict[str, tf.Tensor]:
        """Whether pictures are like those of training: of others nothing that is read means much.

        Args:
            images: float32 [B, H, W, C] in [0, 1].
            z_mean: what `encode` makes of them.

        Returns:
            `unfamiliarity`, float32 [B], 1 at the limit that held-out pictures give; and
            `is_unfamiliar`, bool [B], whether it is more. Nothing if the model has no limits:
            it was calibrated before there were any, or has been trained since.
        """
        known = self._valid_calibration()
        if known is None or known.familiarity is None:
            return {}
        images = tf.cast(images, tf.float32)
        return known.familiarity.judged(images, z_mean, self.decode(z_mean), keras.ops)

    def rerender(self, images: tf.Tensor, **changes: tf.Tensor | float) -> tf.Tensor:
        """The same objects, turned or relit (paper Figs 4, 5, 8).

        What the old pose left in the intrinsic latents is taken out of them, if the calibration
        knows what that is; `scene.replaced` and `decode` change the factor's latents alone, as
        the paper does. Outside a graph it warns of pictures that are unlike those of training
        (`judged`).

        Examples:
            >>> model.rerender(images, azimuth_deg=30, light_azimuth_deg=-45)

        Args:
            images: float32 [B, H, W, C] in [0, 1].
            **changes: a value by the name it has in `infer_scene`: a scalar or [B]. Or
                a factor's name to the new value of its latents themselves: a scalar, or
                anything that broadcasts to [B, latents of the factor]. An entangled model's
                are those that evaluation found, and kept in its calibration.

        Returns:
            float32 [B, H, W, C] in [0, 1].

        Raises:
            KeyError: for a name that neither the code nor the calibration has.
            ValueError: if a factor is given both ways, latents are not as many as it has, or
                what is given is no finite number.
            CalibrationError: if the model or that factor is not calibrated, or a value
                lies outside its calibrated range, which is stated. Where values are
                known only when a graph runs, it is a tf.errors.InvalidArgumentError.
                For any change at all, if the model is entangled and not calibrated.
        """
        z, _ = self.encode(images)
        if tf.executing_eagerly() and (doubt := remark(self.judged(images, z))):
            warnings.warn(doubt, stacklevel=2)
        if not changes:
            return self.decode(z)
        latents = {}
        for name, value in changes.items():
            factor, value = self._latents_of(name, checked_numbers(value, name), z.shape[0])
            if factor in latents:
                raise ValueError(f"'{factor}' is given twice, as a latent and as a value.")
            latents[factor] = value
        entangled = self.procedure == "entangled"
        known = self.checked_calibration() if entangled else self._valid_calibration()
        order = self.code.order(known.latents if known else {})
        z = scene.arranged(z, order, keras.ops)
        z = scene.changed(z, self.code, latents, known, keras.ops)
        return self.decode(scene.restored(z, order, keras.ops))

    def checked_calibration(self) -> Calibration:
        """The calibration.

        Raises:
            CalibrationError: if there is none for these weights.
        """
        if self.calibration is None:
            raise CalibrationError(f"This model is not calibrated. {_HOW_TO_CALIBRATE}")
        with tf.init_scope():  # a graph could not look at the step
            step = int(self.step.numpy())
        if self.calibration.step != step:
            raise CalibrationError(
                f"This model was calibrated at step {self.calibration.step:,} and has been trained"
                f" to step {step:,} since. {_HOW_TO_CALIBRATE}"
            )
        return self.calibration

    def _valid_calibration(self) -> Calibration | None:
        """The calibration; None if there is none for these weights."""
        try:
            return self.checked_calibration()
        except CalibrationError:
            return None

    def _latents_of(self, name: str, value: tf.Tensor, count: int | None) -> tuple[str, tf.Tensor]:
        """What `rerender` is asked of so many pictures, as a factor and new latents of it."""
        is_value = self.calibration is not None or name.endswith(("_deg", "_value"))
        if name in self.code.factors or not is_value:
            _check_fits(name, value.shape, (count, self.code.size(name)))  # or it is unknown
            is_finite = tf.reduce_all(tf.math.is_finite(value))
            return name, checked(value, is_finite, f"{name} is {{}}; it must be finite", [value])
        factor, calibrated = self.checked_calibration().named(name)
        static = tf.get_static_value(value)
        if static is not None:
            calibrated.check(static)
        else:  # it is known only when a graph runs
            within = tf.reduce_all(calibrated.within(value, keras.ops))
            tf.debugging.Assert(within, [f"{calibrated.name} is {calibrated.outside()}."])
        if value.shape.rank == 1:
            _check_fits(name, value.shape, (count,))
        return factor, calibrated.to_latents(tf.reshape(value, (-1,)), keras.ops)


def _check_fits(name: str, shape: tf.TensorShape, wanted: tuple[int | None, ...]) -> None:
    """Raises `ValueError` if what is given for a factor cannot be spread over the pictures."""
    try:
        whole = tf.broadcast_static_shape(shape, tf.TensorShape(wanted))
        whole.assert_is_compatible_with(tf.TensorShape(wanted))
    except ValueError as error:
        each = f", {wanted[1]} for each" if len(wanted) > 1 else ""
        raise ValueError(
            f"{name} is of the shape {tuple(shape)}, which does not fit"
            f" {'the' if wanted[0] is None else wanted[0]} pictures{each}."
        ) from error
