"""What a served model answers: its signatures, as functions of tensors.

| signature | inputs | outputs |
|---|---|---|
| `encode` | `image` [B, H, W, C] in [0, 1] | `z_mean`, `z_log_var` [B, latent_dim] |
| `decode` | `z` [B, latent_dim] | `rendering` [B, H, W, C] |
| `reconstruct` | `image` | `rendering` |
| `infer_scene` | `image` | `inferred_azimuth_deg`, `azimuth_error_deg`, … [B], `intrinsic`; \
`unfamiliarity`, `is_unfamiliar` [B] |
| `rerender`, `serving_default` | `image`, `azimuth_deg`, … [B] | `rendering` |
| `sample` | `seed` int32 [2], `count` int32 | `rendering`, `z` |
| `infer_scene_bytes` | `image_bytes` string [B] | as `infer_scene` |
| `rerender_bytes` | `image_bytes`, `azimuth_deg`, … | `rendering_png` string [B] |
| `rerender_rest` | the same | `rendering_png_bytes` |

Everything that is no string and no seed or count is float32, but for `is_unfamiliar`, a bool.
That and `unfamiliarity` are missing where the calibration has no limits. The last two differ in
the name alone: TensorFlow Serving writes bytes into JSON as base64 if their name ends
in `_bytes`, otherwise as they are, which is no JSON.

A request that cannot be answered fails with INVALID_ARGUMENT, and says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from dcign_tf.factors import INTRINSIC
from dcign_tf.model.checks import checked, checked_images
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.losses import standard_normal
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import error_name
from dcign_tf.serving.chain import Chain
from dcign_tf.serving.decoding import encode_pngs, fit_pictures

MOST_SAMPLES = 1000
"""What `sample` draws at most in one request."""

Tensors = dict[str, tf.Tensor]

_HEADS = ("z_mean", "z_log_var")


class ServedModel(tf.Module):
    """A trained model's functions, with copies of its weights in float32.

    Args:
        model: calibrated; factors whose calibration failed are neither inferred nor
            changed.
        background: grey level, 0 to 255, of what a picture leaves free in the square.
        fit: how files come into the square, see `fit_pictures`.

    Attributes:
        image_shape: height, width and channels.
        latent_dim: length of the code.
        values: name of an input of `rerender`, e.g. `azimuth_deg`, to the calibration
            of its factor; in the order of the code.
    """

    def __init__(self, model: DCIGN, *, background: int, fit: str = "contain"):
        super().__init__()
        self._code, self._calibration = model.code, model.checked_calibration()
        self._order = self._code.order(self._calibration.latents)
        self.image_shape: tuple[int, int, int] = tuple(model.encoder.input_shape[1:])
        self.latent_dim = self._code.latent_dim
        self._background, self._fit = background, fit
        layers = model.encoder.layers[1:]
        self._trunk = Chain(layer for layer in layers if layer.name not in _HEADS)
        self._heads = {name: Chain([model.encoder.get_layer(name)]) for name in _HEADS}
        self._decoder = Chain(model.decoder.layers[1:])
        calibrated = self._calibration.usable.values()
        names = input_names(factor.name for factor in calibrated)
        self.values = dict(zip(names, calibrated, strict=True))

    def signatures(self) -> dict[str, Any]:
        """Name to a concrete function, dynamic in its batch."""
        image = _specs((None, *self.image_shape), tf.float32, "image")
        image_bytes = _specs([None], tf.string, "image_bytes")
        values = _specs([None], tf.float32, *self.values)
        inputs = {
            self.encode: image,
            self.decode: _specs((None, self.latent_dim), tf.float32, "z"),
            self.reconstruct: image,
            self.infer_scene: image,
            self.rerender: image | values,
            self.sample: _specs([2], tf.int32, "seed") | _specs([], tf.int32, "count"),
            self.infer_scene_bytes: image_bytes,
            self.rerender_bytes: image_bytes | values,
            self.rerender_rest: image_bytes | values,
        }
        functions = {
            function.__name__: tf.function(function, autograph=False).get_concrete_function(**specs)
            for function, specs in inputs.items()
        }
        return {**functions, "serving_default": functions["rerender"]}

    # === Signatures ===

    def encode(self, image: tf.Tensor) -> Tensors:
        """Images to the posterior's parameters."""
        image = _with_rows(tf.ensure_shape(image, (None, *self.image_shape)), "image")
        features = self._trunk(checked_images(image, self.image_shape))
        return {name: head(features) for name, head in self._heads.items()}

    def decode(self, z: tf.Tensor) -> Tensors:
        """Codes to mean images."""
        z = _with_rows(tf.ensure_shape(z, (None, self.latent_dim)), "z")
        finite = tf.reduce_all(tf.math.is_finite(z))
        z = checked(z, finite, "z has values that are no finite numbers")
        rendering = tf.sigmoid(self._decoder(z))
        drawn = tf.reduce_all(tf.math.is_finite(rendering))
        message = "z has values so large that nothing can be drawn, up to {}"
        return {"rendering": checked(rendering, drawn, message, [tf.reduce_max(tf.abs(z))])}

    def reconstruct(self, image: tf.Tensor) -> Tensors:
        """Images through the mean of the posterior."""
        return self.decode(self.encode(image)["z_mean"])

    def infer_scene(self, image: tf.Tensor) -> Tensors:
        """The calibrated factors' values and errors, the intrinsic latents, and what to doubt."""
        z_mean = self.encode(image)["z_mean"]
        z = scene.arranged(z_mean, self._order, keras.ops)
        readings = scene.read(z, self._code, self._calibration, keras.ops)
        answer = {INTRINSIC: z[:, self._code.slice(INTRINSIC)]}
        for name, calibrated in self.values.items():
            value, error = readings[calibrated.name]
            answer |= {f"inferred_{name}": value, error_name(name): error}
        if familiarity := self._calibration.familiarity:
            drawn = self.decode(z_mean)["rendering"]
            answer |= familiarity.judged(image, z_mean, drawn, keras.ops)
        return answer

    def rerender(self, image: tf.Tensor, **values: tf.Tensor) -> Tensors:
        """The same objects with other values; NaN keeps what the picture shows."""
        z = scene.arranged(self.encode(image)["z_mean"], self._order, keras.ops)
        latents = {}
        for name, value in values.items():
            value = self._checked_value(name, value, tf.shape(z)[0])
            factor, calibrated = self._calibration.named(self.values[name].name)
            wanted = calibrated.to_latents(value, keras.ops)
            shown = z[:, self._code.slice(factor)]
            latents[factor] = tf.where(tf.math.is_nan(value)[:, tf.newaxis], shown, wanted)
        z = scene.changed(z, self._code, latents, self._calibration, keras.ops)
        return self.decode(scene.restored(z, self._order, keras.ops))

    def sample(self, seed: tf.Tensor, count: tf.Tensor) -> Tensors:
        """Objects drawn from the prior, the same for the same seed."""
        message = f"count is {{}}; it must be 1 to {MOST_SAMPLES:,}"
        count = checked(count, (count >= 1) & (count <= MOST_SAMPLES), message, [count])
        z = standard_normal((count, self.latent_dim), tf.ensure_shape(seed, [2]))
        return {**self.decode(z), "z": z}

    def infer_scene_bytes(self, image_bytes: tf.Tensor) -> Tensors:
        """As `infer_scene`, of PNG or JPEG files."""
        return self.infer_scene(self._decoded(image_bytes))

    def rerender_bytes(self, image_bytes: tf.Tensor, **values: tf.Tensor) -> Tensors:
        """As `rerender`, from PNG or JPEG files to PNG files."""
        rendering = self.rerender(self._decoded(image_bytes), **values)["rendering"]
        return {"rendering_png": encode_pngs(rendering)}

    def rerender_rest(self, image_bytes: tf.Tensor, **values: tf.Tensor) -> Tensors:
        """`rerender_bytes` for HTTP."""
        png = self.rerender_bytes(image_bytes, **values)["rendering_png"]
        return {"rendering_png_bytes": png}

    # === Parts ===

    def _decoded(self, image_bytes: tf.Tensor) -> tf.Tensor:
        files = tf.ensure_shape(image_bytes, [None])
        return fit_pictures(files, self.image_shape, self._background, self._fit)

    def _checked_value(self, name: str, value: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        """The values of one input, if there is one for each of the `wanted` pictures."""
        calibrated = self.values[name]
        value = tf.ensure_shape(value, [None])
        given = tf.shape(value)[0]
        message = f"{name} has {{}} values for {{}} pictures; each needs one, or NaN"
        value = checked(value, tf.equal(given, wanted), message, [given, wanted])
        possible = tf.math.is_nan(value) | calibrated.within(value, keras.ops)
        outside = tf.boolean_mask(value, ~possible)
        message = f"{name}: {{}} is {calibrated.outside()}; NaN keeps what the picture shows"
        return checked(value, tf.equal(tf.size(outside), 0), message, [outside])


def input_names(names: Iterable[str]) -> list[str]:
    """Names of values as inputs of a signature: letters, digits and underscores, all different.

    A manifest's columns may be called anything; `azimuth_deg` stays as it is.
    """
    inputs: list[str] = []
    for name in names:
        clean = re.sub(r"\W", "_", name, flags=re.ASCII)
        clean = clean if clean.isidentifier() else f"value_{clean}"
        while clean in inputs:
            clean += "_"
        inputs.append(clean)
    return inputs


def _specs(shape: Sequence[int | None], dtype: tf.DType, *names: str) -> dict[str, tf.TensorSpec]:
    return {name: tf.TensorSpec(shape, dtype, name) for name in names}


def _with_rows(tensor: tf.Tensor, name: str) -> tf.Tensor:
    return checked(tensor, tf.shape(tensor)[0] > 0, f"{name} has no rows")
