"""Disentanglement as the field measures it, of codes and the factors behind them.

Each score is computed from its paper's definition, in a module of its name. What a paper
defines for discrete factors is computed of bins. All take

- `codes`, [N, latents], of N samples,
- `factors`, [N, factors], continuous and drawn independently,
- `seed`, if any of it is random,
- `groups`, [N], of `explicitness` and `dci`, which learn from some samples and measure on others:
  all samples of a group (of a person, say, whose factors of identity are the same in all) are
  on one side; without them each sample stands for itself,

and return numbers that JSON can hold, with the `settings` they were computed with. They
raise a ValueError if the arrays do not fit together or are not all finite.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.dci import dci_scores
from dcign_tf.evaluation.metrics.explicitness import explicitness_score
from dcign_tf.evaluation.metrics.factor_vae import factor_vae_score
from dcign_tf.evaluation.metrics.mig import mutual_information_gap
from dcign_tf.evaluation.metrics.modularity import modularity_score
from dcign_tf.evaluation.metrics.sap import separated_attribute_predictability


def disentanglement_scores(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
    bins: int = 20,
    regressor: str = "forest",
) -> dict[str, dict[str, Any]]:
    """All scores of disentanglement, each as its own function returns it.

    Args:
        codes: [N, latents].
        factors: [N, factors], two or more.
        groups: what each sample is of, integers [N].
        seed: of whatever is random.
        bins: for MIG and modularity.
        regressor: for DCI.

    Returns:
        `mig`, `modularity`, `explicitness`, `sap`, `dci` and `factor_vae`.
    """
    return {
        "mig": mutual_information_gap(codes, factors, bins=bins),
        "modularity": modularity_score(codes, factors, bins=bins),
        "explicitness": explicitness_score(codes, factors, groups=groups, seed=seed),
        "sap": separated_attribute_predictability(codes, factors),
        "dci": dci_scores(codes, factors, groups=groups, regressor=regressor, seed=seed),
        "factor_vae": factor_vae_score(codes, factors, seed=seed),
    }
