"""The pictures that show what is familiar: validation people's, whom training never saw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dcign_tf.codec import Codec
from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import Sweeps, distinct_images, evenly
from dcign_tf.evaluation.metrics.novel_views import squared_errors
from dcign_tf.evaluation.sweep_codes import Codes
from dcign_tf.readouts import scene
from dcign_tf.readouts.familiarity import Familiarity

_SWEEPS = 50  # of each factor, at most, are decoded
_STRIDE = 2  # neighbours in a sweep are nearly alike


def fit_familiarity(
    network: Codec, codes: Mapping[str, Codes], sweeps: Mapping[str, Sweeps]
) -> Familiarity | None:
    """The limits that held-out pictures keep within; None if there are too few.

    Args:
        network: a trained model.
        codes: of every sweep, as the network has them.
        sweeps: factor to those of identities that nothing was trained on, and nothing is scored on.
    """

    def errors(place: tuple[str, int]) -> np.ndarray:
        factor, index = place
        images = distinct_images(sweeps[factor][index])[::_STRIDE]
        return squared_errors(network.decode(codes[factor].z_mean[index][::_STRIDE]), images)

    places = [(factor, i) for factor in codes for i in evenly(sweeps[factor], _SWEEPS)]
    z_mean = [scene.restored(z, network.order) for of in codes.values() for z in of.z_mean]
    if not places:
        return None
    return Familiarity.fitted(
        np.concatenate(z_mean), np.concatenate(list(concurrently(errors, places)))
    )
