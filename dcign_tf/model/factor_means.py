"""Losses averaged over all batches, and over those of each factor."""

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
        """Adds the loss of one batch in which `factor` (an index) varies."""
        seen = tf.one_hot(factor, len(self._factors))
        # where, not a product: a NaN belongs to its own factor alone.
        self._totals.assign_add(tf.where(seen > 0, value, 0.0))
        self._counts.assign_add(seen)

    def result(self) -> dict[str, tf.Tensor]:
        means = tf.unstack(tf.convert_to_tensor(self._totals) / self._counts)
        overall = tf.reduce_sum(self._totals) / tf.reduce_sum(self._counts)
        per_factor = {
            f"{self.name}/{f}": mean for f, mean in zip(self._factors, means, strict=True)
        }
        return {self.name: overall, **per_factor}
