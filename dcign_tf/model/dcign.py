"""The Deep Convolutional Inverse Graphics Network as a Keras model.

Joins encoder and decoder by the paper's training procedure (§3.1). What one step
does, on a batch in which exactly one factor varies:

1. encode: `z_mean` and `z_log_var`;
2. clamp both at the inactive latents (`dcign_tf.model.clamping`);
3. sample, independently for each example, on clamped latents too;
4. decode, and minimise −log P(x | z) + KL + invariance_weight · penalty.

The paper takes one such batch a step. Several may pass together, each clamped by itself
and the losses averaged: what as many replicas do, on one device.

Decided where the paper is silent: the penalty is that of `z_mean` plus that of
`z_log_var`; the KL is that of the active latents (the inactive ones' could have
no gradient). The three terms are sums over a batch, divided by its size, so that
`invariance_weight` is relative to the sum, as the paper's 1/100 is.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from dcign_tf.factors import GraphicsCode
from dcign_tf.model import layers, losses  # noqa: F401 (`from_config` needs the layers registered)
from dcign_tf.model.checks import check_networks, checked, checked_images, in_one_sentence
from dcign_tf.model.clamping import MODES, clamp_inactive
from dcign_tf.model.factor_means import FactorMeans
from dcign_tf.model.grouping import share_inactive
from dcign_tf.model.scene_model import SceneModel
from dcign_tf.readouts.calibration import Calibration

SETTINGS = (
    "procedure",
    "beta",
    "clamp_mode",
    "invariance_weight",
    "likelihood",
    "observation_stddev",
    "warmup_steps",
    "seed",
)
"""Those of `DCIGN`'s arguments that a config has under the same names."""

PROCEDURES = ("clamped", "entangled", "grouped")
# Validation is not to share its noise with any training step, which counts from 0.
_TEST_STEP = -1
_TEST_LOSSES = ("loss", "reconstruction_loss", "kl_loss", "elbo", "objective")


@keras.saving.register_keras_serializable("dcign_tf")
class DCIGN(SceneModel):
    """A variational autoencoder whose code is a graphics code.

    Trains on batches `{"image": float32 [B, H, W, C] in [0, 1], "factor": int32
    [B]}`, all entries of `factor` being the index (`GraphicsCode.index`) of the
    one factor that varies in the batch; or on R of them a step, [R, B, H, W, C] and
    [R, B]. Under a distribution strategy every replica must get whole ones.

    The training losses are per image, in nats, over all batches and per factor
    (`reconstruction_loss/azimuth`). With the clamped procedure they are named
    `clamped_reconstruction_loss` and `active_kl_loss`, since they are not what
    validation measures: `test_step` does not clamp, counts the KL of all latents
    and reports `reconstruction_loss`, `kl_loss`, `elbo` (true sign) and `loss`, the negative
    of that. What training minimises it reports as `objective`: `val_objective` is to
    be held against the `loss` of training, `val_loss` is not.

    Examples:
        >>> code = GraphicsCode.faces()
        >>> model = DCIGN(build_encoder(), build_decoder(), code)
        >>> model.compile(keras.optimizers.Adam(5e-4, beta_1=0.9, beta_2=0.99))
        >>> model.fit(factor_batches, steps_per_epoch=100)

    Args:
        encoder: images to a dict of `z_mean` and `z_log_var` (`build_encoder`).
        decoder: codes to logits of images (`build_decoder`).
        code: which latents belong to which factor.
        procedure: `"clamped"`, the paper's, or `"entangled"`, its baseline
            (§4.1.1): the same objective with every latent active in every batch. Its
            factors' latents are not where the code says, until evaluation finds them.
            Or `"grouped"`, a Group-VAE (`dcign_tf.model.grouping`), told what the
            clamped one is.
        beta: weight of the KL; entangled, another than the paper's 1 makes a β-VAE
            (Higgins et al. 2017).
        clamp_mode: `"mean"` or `"first"`, see `clamp_inactive`.
        invariance_weight: relative to the summed loss; the paper's is 1/100.
        likelihood: `"bernoulli"` or `"gaussian"`, see `losses.likelihood`.
        observation_stddev: of a pixel, for the Gaussian likelihood.
        warmup_steps: over as many first steps the KL and the invariance penalty rise
            from nothing to their full weights. Not in the paper (0): a weak factor's
            latent otherwise falls silent before the decoder has learned to listen.
        seed: with the step number, determines the sampling noise.
        calibration: what the extrinsic latents mean, in degrees; fitted after training
            (`readouts.fitting.calibrate`), and saved with the model. An attribute
            that may be set at any time.
        **kwargs: as in `keras.Model`.

    Raises:
        ValueError: for unknown names, a negative weight, or networks whose
            latents are not as many as the code's.

    Reference:
        Kulkarni, Whitney, Kohli, Tenenbaum: Deep Convolutional Inverse Graphics
        Network. NIPS 2015.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        code: GraphicsCode,
        *,
        procedure: str = "clamped",
        beta: float = 1.0,
        clamp_mode: str = "mean",
        invariance_weight: float = 0.01,
        likelihood: str = "bernoulli",
        observation_stddev: float = 0.1,
        warmup_steps: int = 0,
        seed: int = 0,
        calibration: Calibration | None = None,
        **kwargs,
    ):
        # Images stay float32 on their way to the encoder, whose layers cast for themselves.
        super().__init__(autocast=False, **kwargs)
        check_networks(encoder, decoder, code.latent_dim)
        for name, value, choices in (
            ("procedure", procedure, PROCEDURES),
            ("clamp_mode", clamp_mode, MODES),
            ("likelihood", likelihood, losses.LIKELIHOODS),
        ):
            if value not in choices:
                raise ValueError(f"Unknown {name} '{value}'; it is one of {', '.join(choices)}.")
        if min(invariance_weight, beta, warmup_steps) < 0 or observation_stddev <= 0:
            raise ValueError(
                "invariance_weight, beta and warmup_steps must be ≥ 0, and observation_stddev > 0."
            )
        self.encoder = encoder
        self.decoder = decoder
        self.code = code
        self.procedure = procedure
        self.beta = beta
        self.clamp_mode = clamp_mode
        self.invariance_weight = invariance_weight
        self.likelihood = likelihood
        self.observation_stddev = observation_stddev
        self.warmup_steps = warmup_steps
        self.seed = seed
        self.calibration = calibration
        # Not optimizer.iterations, which a skipped non-finite float16 step does not advance.
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self._masks = code.active_masks()
        if procedure == "entangled":
            self._masks[:] = 1
        # "train" and "test" → name → FactorMeans
        self.loss_means = {
            phase: {name: FactorMeans(code.factors, name=name) for name in names}
            for phase, names in (("train", self._training_loss_names()), ("test", _TEST_LOSSES))
        }
        self._is_jitted = False
        self._steps = {"train": self._train_on, "test": self._test_on}
        self.step_means = {"gradient_norm": keras.metrics.Mean(name="gradient_norm")}
        # Without this a .keras file silently drops the optimiser's state.
        self.built = True

    # === Training ===

    def compile(self, *args, jit_compile: bool | str = "auto", **kwargs):
        """As in Keras; with `jit_compile=True` XLA compiles all of a step but its checks."""
        super().compile(*args, jit_compile=False, **kwargs)
        # Built lazily it would make variables within a compiled step, or a replica: neither can be.
        self.optimizer.build(self.trainable_variables)
        self._is_jitted = jit_compile is True
        self._steps = {"train": self._train_on, "test": self._test_on}
        if self._is_jitted:
            jitted = functools.partial(tf.function, jit_compile=True, reduce_retracing=True)
            self._steps = {phase: jitted(step) for phase, step in self._steps.items()}

    def get_compile_config(self):
        config = super().get_compile_config()
        return config and {**config, "jit_compile": self._is_jitted or "auto"}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One step of the paper's procedure; see the module's docstring.

        Args:
            data: a factor batch, or R of them: as the class describes it, `(images, factors)`, or
                either in a tuple of its own.

        Raises:
            ValueError: if images are not floats in [0, 1], or there are no factors.
            tf.errors.InvalidArgumentError: if several factors vary in a factor batch, or one
                that the code does not have; from `fit` and the like a `ValueError`.
        """
        return self._steps["train"](*self._batch(data))

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """The evidence lower bound without clamping, the KL counting every latent.

        And what training would make of the batch; `data` is as for `train_step`.
        """
        return self._steps["test"](*self._batch(data))

    def predict_step(self, data: Any) -> tf.Tensor:
        """Reconstructions [B, H, W, C] of images, or of the images of factor batches."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        images = x["image"] if isinstance(x, Mapping) else x
        return self(checked_images(_in_one_batch(images), self.encoder.input_shape[1:]))

    fit = in_one_sentence()(keras.Model.fit)
    evaluate = in_one_sentence()(keras.Model.evaluate)
    predict = in_one_sentence()(keras.Model.predict)
    predict_on_batch = in_one_sentence()(keras.Model.predict_on_batch)
    train_on_batch = in_one_sentence()(keras.Model.train_on_batch)
    test_on_batch = in_one_sentence()(keras.Model.test_on_batch)

    def export(self, filepath, *args, **kwargs):
        """As in Keras: images [B, H, W, C] to their reconstructions, for any B."""
        images = tf.TensorSpec(self.encoder.input_shape, tf.float32, "image")
        return super().export(filepath, *args, **{"input_signature": [images], **kwargs})

    def _train_on(self, images: tf.Tensor, factor: tf.Tensor) -> dict[str, tf.Tensor]:
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            terms = self.training_losses(images, factor)
            # Optimisers add up the replicas' gradients; loss scaling must come inside the tape.
            objective = self.optimizer.scale_loss(tf.reduce_mean(terms["loss"]) / replicas)
        gradients = tape.gradient(objective, self.trainable_variables)
        # Of this replica's own loss, whatever its gradients were multiplied by for their sum.
        scale = self.optimizer.scale_loss(tf.constant(1.0)) / replicas
        scaled_norm = tf.linalg.global_norm(gradients)
        is_finite = tf.math.is_finite(scaled_norm)  # loss scaling skips a step where it is not
        norm = self.step_means["gradient_norm"]
        norm.update_state(tf.where(is_finite, scaled_norm / scale, 0.0), is_finite)
        if replicas > 1 and isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = _as_finite_as_all(gradients, scaled_norm)
        # What counts steps waits for a batch and its checks: Keras asks for one more than there is.
        with tf.control_dependencies([images, factor]):
            self.optimizer.apply(gradients, self.trainable_variables)
            self.step.assign_add(1)
        return {**self._report("train", terms, factor), norm.name: norm.result()}

    def _test_on(self, images: tf.Tensor, factor: tf.Tensor) -> dict[str, tf.Tensor]:
        z_mean, z_log_var = self._posterior(images)
        logits = self.decoder(self._sample(z_mean, z_log_var, _TEST_STEP))
        reconstruction = _batch_means(self._reconstruction_loss(images, logits), factor)
        kl = _batch_means(tf.reduce_sum(losses.kl_divergence(z_mean, z_log_var), -1), factor)
        objective = self.training_losses(images, factor, noise=_TEST_STEP)["loss"]
        values = (reconstruction + kl, reconstruction, kl, -(reconstruction + kl), objective)
        return self._report("test", dict(zip(_TEST_LOSSES, values, strict=True)), factor)

    def training_losses(
        self, images: tf.Tensor, factor: tf.Tensor, *, noise: int | None = None
    ) -> dict[str, tf.Tensor]:
        """The objective of one factor batch, or of each of several, and its terms.

        Args:
            images: float32 [B, H, W, C] in [0, 1]; of R factor batches [R·B, H, W, C],
                one behind the other.
            factor: which factor varies, a scalar int32; of R factor batches [R].
            noise: the number of the noise with which codes are sampled; the step's without.

        Returns:
            Nats per image, each of the shape of `factor`: `loss`, whose mean is minimised,
            and the terms whose sum it is once warmed up, the last being `invariance_loss`,
            weighted.
        """
        active = tf.gather(self._masks, factor)
        z_mean, z_log_var = self._posterior(images)
        if self.procedure == "grouped":
            z_mean, z_log_var = share_inactive(z_mean, z_log_var, active)
            penalty, counted = tf.zeros(tf.shape(factor)), tf.ones_like(active)
        else:
            z_mean, penalty_mean = clamp_inactive(z_mean, active, self.clamp_mode)
            z_log_var, penalty_log_var = clamp_inactive(z_log_var, active, self.clamp_mode)
            penalty, counted = penalty_mean + penalty_log_var, active
        noise = self.step if noise is None else noise
        logits = self.decoder(self._sample(z_mean, z_log_var, noise))

        reconstruction = _batch_means(self._reconstruction_loss(images, logits), factor)
        batch_size = tf.shape(images)[0] // tf.size(factor)
        counted = tf.repeat(tf.reshape(counted, (-1, active.shape[-1])), batch_size, axis=0)
        kl_counted = tf.reduce_sum(losses.kl_divergence(z_mean, z_log_var) * counted, axis=-1)
        kl = _batch_means(kl_counted, factor)
        batch_size = tf.cast(batch_size, tf.float32)
        invariance = self.invariance_weight * penalty / batch_size
        loss = reconstruction + self.warmup() * (self.beta * kl + invariance)
        values = (loss, reconstruction, kl, invariance)
        return dict(zip(self._training_loss_names(), values, strict=True))

    def warmup(self) -> tf.Tensor:
        """By how much the KL and the invariance penalty count in the next step, in (0, 1]."""
        return tf.minimum(1.0, tf.cast(self.step + 1, tf.float32) / max(1, self.warmup_steps))

    # === Serialisation ===

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "code": self.code.get_config(),
            **{name: getattr(self, name) for name in SETTINGS},
            "calibration": self.calibration and self.calibration.get_config(),
        }

    @classmethod
    def from_config(cls, config):
        networks = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("encoder", "decoder")
        }
        calibration = config.get("calibration")  # models saved before there was one lack it
        return cls(
            **{
                **config,
                **networks,
                "code": GraphicsCode(config["code"]),
                "calibration": calibration and Calibration.from_config(calibration),
            }
        )

    # === Parts ===

    def _posterior(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """`encode` without its check."""
        outputs = self.encoder(images)
        return outputs["z_mean"], outputs["z_log_var"]

    def _batch(self, data: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Images [R·B, H, W, C] of R factor batches, and the factor of each, int32 [R]."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if isinstance(x, Mapping) and y is None and {"image", "factor"} <= set(x):
            x, y = x["image"], x["factor"]
        if y is None or isinstance(x, Mapping) or weights is not None:
            raise ValueError(
                "A batch is {'image': images, 'factor': factors}, or (images, factors)."
            )
        with tf.device("CPU:0"):  # where it was read: a GPU's answer would have to be waited for
            images = checked_images(_in_one_batch(x), self.encoder.input_shape[1:])
            factors = self._checked_factors(tf.cast(y, tf.int32))
        return images, tf.reshape(factors[..., 0], (-1,))

    def _checked_factors(self, factors: tf.Tensor) -> tf.Tensor:
        factors = checked(
            factors,
            tf.reduce_all(tf.equal(factors, factors[..., :1])),
            "Several factors in one batch; do not shuffle or split batches (arrays: shuffle=False)",
        )
        names, last = self.code.factors, len(self.code.factors) - 1
        low, high = tf.reduce_min(factors), tf.reduce_max(factors)
        message = f"factor is {{}} to {{}}; it must be 0 ({names[0]}) to {last} ({names[-1]})"
        return checked(factors, (low >= 0) & (high <= last), message, [low, high])

    def _sample(self, z_mean: tf.Tensor, z_log_var: tf.Tensor, step) -> tf.Tensor:
        """A code of each image, [B, latent_dim]; its noise depends on seed, step and replica."""
        seed = tf.stack([tf.cast(self.seed, tf.int64), tf.cast(step, tf.int64)])
        # Each replica takes its part of what one device would draw for all of them.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        noise = losses.standard_normal((replicas, *tf.unstack(tf.shape(z_mean))), seed)
        noise = noise[tf.distribute.get_replica_context().replica_id_in_sync_group]
        posterior = losses.posterior(z_mean, z_log_var)
        return posterior.loc + posterior.scale * noise

    def _reconstruction_loss(self, images: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Of each image, [B]."""
        distribution = losses.likelihood(logits, self.likelihood, self.observation_stddev)
        return -distribution.log_prob(tf.cast(images, tf.float32))

    def _training_loss_names(self) -> tuple[str, ...]:
        terms = {
            "clamped": ("clamped_reconstruction_loss", "active_kl_loss"),
            "entangled": ("reconstruction_loss", "kl_loss"),
            "grouped": ("grouped_reconstruction_loss", "grouped_kl_loss"),
        }
        return ("loss", *terms[self.procedure], "invariance_loss")

    def _report(self, phase, terms, factor) -> dict[str, tf.Tensor]:
        logs = {}
        for name, value in terms.items():
            metric = self.loss_means[phase][name]
            metric.update_state(value, factor)
            logs.update(metric.result())
        return logs

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras resets at the start of an epoch and of an evaluation."""
        losses_of_phases = (phase.values() for phase in self.loss_means.values())
        return [*itertools.chain(*losses_of_phases), *self.step_means.values()]


def _as_finite_as_all(gradients: list[tf.Tensor], norm: tf.Tensor) -> list[tf.Tensor]:
    """This replica's gradients, not finite if any replica's are not.

    Keras's loss scaling asks the first replica alone whether to skip a step, and applies the sum of
    all.
    """
    of_all = tf.distribute.get_replica_context().all_reduce("SUM", norm)
    return [*gradients[:-1], gradients[-1] + 0.0 * of_all]


def _in_one_batch(images: tf.Tensor) -> tf.Tensor:
    """Images [B, H, W, C] as they are, and those of R factor batches, [R, B, …], as [R·B, …]."""
    images = tf.convert_to_tensor(images)
    return images if images.shape.rank == 4 else tf.reshape(images, (-1, *images.shape[-3:]))


def _batch_means(per_image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """The mean over each factor batch, of the shape of `factor`; `per_image` [R·B]."""
    means = tf.reduce_mean(tf.reshape(per_image, (tf.size(factor), -1)), axis=-1)
    return tf.reshape(means, tf.shape(factor))
