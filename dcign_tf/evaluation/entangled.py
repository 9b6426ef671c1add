"""Which latents of an entangled network stand for which factor (paper §4.1.1).

A network trained without clamping has a latent for azimuth, if it has one, anywhere.
The paper takes the one of the largest variance over a batch in which only azimuth
varies. The same is done here, over all such sweeps; but no two factors may have the same
latent. Of all ways to give each factor latents of its own, that with the largest sum of
variances is taken, each in relation to the largest in the sweeps of its factor: where no
two factors compete, that is the paper's rule.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

from dcign_tf.codec import Codec
from dcign_tf.evaluation.metrics.sweep_variance import mean_variance
from dcign_tf.evaluation.sweep_codes import Codes
from dcign_tf.factors import GraphicsCode


def find_latents(codes: Mapping[str, Codes], code: GraphicsCode) -> dict[str, dict[str, tuple]]:
    """Finds the latents of the extrinsic factors.

    Args:
        codes: each extrinsic factor to the codes of sweeps in which it varies, of
            identities that are not scored (validation).
        code: how many latents each factor is to have.

    Returns:
        Factor to `found_latents` of scores.json: its `latents`, as many as the code gives
        it, the largest variance first and no latent twice; and the `relative_variance` of
        each, over the sweeps of the factor, in relation to the largest of any latent there:
        below 1 where another factor has that one. A factor in whose sweeps nothing varies,
        or that has none, is missing.
    """
    variances = {}
    for factor in code.extrinsic:
        if codes[factor].z_mean:
            variance = mean_variance(codes[factor].z_mean)
            if variance.max() > 0:
                variances[factor] = variance / variance.max()
    places = [f for f in variances for _ in range(code.size(f))]
    if not places:
        return {}
    _, chosen = linear_sum_assignment([variances[f] for f in places], maximize=True)
    latents_of = {}
    for factor, variance in variances.items():
        latents = chosen[[f == factor for f in places]]
        latents = latents[np.argsort(-variance[latents], kind="stable")]
        latents_of[factor] = {
            "latents": tuple(latents.tolist()),
            "relative_variance": tuple(variance[latents].tolist()),
        }
    return latents_of


def with_found_latents(
    network: Codec, codes: Mapping[str, Codes]
) -> tuple[Codec, dict[str, Codes], dict[str, dict[str, tuple]]]:
    """Finds an entangled network's latents and puts them where the graphics code has them.

    Args:
        network: as it was trained.
        codes: every factor to its codes of sweeps of identities that are not scored.

    Returns:
        The network and the codes, rearranged, and what was found.
    """
    latents_of = find_latents(codes, network.code)
    network = network.rearranged({f: found["latents"] for f, found in latents_of.items()})
    return network, {f: codes[f].rearranged(network.order) for f in codes}, latents_of
