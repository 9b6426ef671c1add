"""Disentanglement as the field measures it, of codes and the factors behind them.

Each score is computed from its paper's definition, of `codes` [N, latents] and
independently drawn, continuous `factors` [N, factors], and comes with what it
was computed with. What a paper defines for discrete factors is computed of bins;
what is random is seeded. Each stands in a module of its name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.dci import dci
from dcign_tf.evaluation.metrics.explicitness import explicitness
from dcign_tf.evaluation.metrics.factor_vae import factor_vae_score
from dcign_tf.evaluation.metrics.mig import mutual_information_gap
from dcign_tf.evaluation.metrics.modularity import modularity
from dcign_tf.evaluation.metrics.sap import separated_attribute_predictability


def disentanglement_scores(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int = 0,
    bins: int = 20,
    binning: str = "width",
    regressor: str = "forest",
    active_variance: float = 0.01,
) -> dict[str, dict[str, Any]]:
    """All of them, each as its own function returns it.

    Args:
        codes: [N, latents].
        factors: [N, factors], two or more.
        seed: of whatever is random.
        bins: for MIG and modularity.
        binning: for MIG and modularity, see `discretise`.
        regressor: for DCI.
        active_variance: for SAP and the FactorVAE score.

    Returns:
        `mig`, `modularity`, `explicitness`, `sap`, `dci` and `factor_vae`.

    Raises:
        ValueError: if the arrays do not fit together or are not all finite.
    """
    binned = {"bins": bins, "binning": binning}
    return {
        "mig": mutual_information_gap(codes, factors, **binned),
        "modularity": modularity(codes, factors, **binned),
        "explicitness": explicitness(codes, factors, seed=seed),
        "sap": separated_attribute_predictability(codes, factors, active_variance=active_variance),
        "dci": dci(codes, factors, regressor=regressor, seed=seed),
        "factor_vae": factor_vae_score(codes, factors, active_variance=active_variance, seed=seed),
    }
