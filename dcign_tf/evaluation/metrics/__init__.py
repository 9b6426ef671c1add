"""Metrics of representations: arrays in, numbers out, without TensorFlow or a dataset.

They serve the codes of any encoder: how nearly each latent stands for one factor
(`disentanglement_scores`, and each score of it), how well one latent follows a true value
(`correlations`, `r2`, `circular_linear_correlation`), what moves within sweeps in which one
factor varies (`movement_matrix`, `selectivity`, `own_share`, `consistency`, `invariance`),
whether pictures can be drawn anew (`squared_errors`, `psnr`, `novel_view_ratio`), whether faces
can be recognised (`recognition_scores`), and how sure a score is (`bootstrap_intervals`). What is
not defined is NaN, without error or warning; arrays that do not fit together are a ValueError.

Examples:
    >>> import numpy as np
    >>> from dcign_tf.evaluation import metrics
    >>> factors = np.random.default_rng(0).uniform(-60, 60, (500, 2))  # azimuth, elevation
    >>> codes = np.stack([-factors[:, 1] / 60, factors[:, 0] / 30], axis=1)
    >>> scores = metrics.disentanglement_scores(codes, factors)
    >>> round(scores["mig"]["mig"], 2), round(scores["sap"]["sap"], 2)
    (0.86, 0.99)
    >>> metrics.correlations(codes[:, 0], factors[:, 1])["spearman"]
    -1.0
"""

from __future__ import annotations

import importlib
from typing import Any

# Imported when they are asked for: scikit-learn, which some need, takes a second.
_NAMES = {
    "bootstrap": ("bootstrap_intervals",),
    "circle": ("circular_distance", "circular_linear_correlation", "circular_mean", "unroll"),
    "correlation": ("correlations", "r2"),
    "dci": ("dci_of_importances", "dci_scores"),
    "disentanglement": ("disentanglement_scores",),
    "explicitness": ("explicitness_score",),
    "factor_vae": ("factor_vae_score",),
    "mig": ("mutual_information_gap",),
    "modularity": ("modularity_score",),
    "novel_views": ("novel_view_pairs", "novel_view_ratio", "psnr", "squared_errors"),
    "recognition": (
        "frontal_gallery",
        "identify",
        "less_within",
        "pca_features",
        "random_gallery",
        "recognition_scores",
        "similarity",
        "standardised",
        "verify",
    ),
    "sap": ("separated_attribute_predictability",),
    "sweep_variance": (
        "consistency",
        "invariance",
        "movement_matrix",
        "own_share",
        "selectivity",
        "within_share",
    ),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
