"""Losses told apart by the factor that varies: each has a course of its own."""

from __future__ import annotations

import keras
import tensorflow as tf


class FactorMeans(keras.metrics.Metric):
    """The mean of a loss over all batches, and over the batches of each factor.

    Its result is a dict: `name`, and `name/factor` for each factor; NaN where
    no batch has been seen.
    """

    def __init__(self, factors: tuple[str, ...], name: str):
        super().__init__(name=name, dtype="float32")
        self._factors = factors
        self._totals = self.add_weight(name="totals", shape=(len(factors),), initializer="zeros")
        self._counts = self.add_weight(name="counts", shape=(len(factors),), initializer="zeros")

    def update_state(self, value: tf.Tensor, factor: tf.Tensor) -> None:
        """Adds the losses [R] of R batches, in each of which `factor` [R] (an index) varies."""
        seen = tf.one_hot(factor, len(self._factors))  # [R, factors]
        # where, not a product: a NaN belongs to its own factor alone.
        self._totals.assign_add(tf.reduce_sum(tf.where(seen > 0, value[:, None], 0.0), axis=0))
        self._counts.assign_add(tf.reduce_sum(seen, axis=0))

    def result(self) -> dict[str, tf.Tensor]:
        means = tf.unstack(tf.convert_to_tensor(self._totals) / self._counts)
        overall = tf.reduce_sum(self._totals) / tf.reduce_sum(self._counts)
        per_factor = {
            f"{self.name}/{f}": mean for f, mean in zip(self._factors, means, strict=True)
        }
        return {self.name: overall, **per_factor}
