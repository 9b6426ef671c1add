"""Faces: black around, and the paper's Figures 4 to 6 (Kulkarni et al., 2015)."""

from __future__ import annotations

from dcign_tf.datasets.facts import DatasetFacts

FACTS = DatasetFacts(
    background=lambda settings: 0,
    paper_figures={
        "traversal_light_azimuth": 4,
        "traversal_elevation": 4,
        "traversal_azimuth": 5,
        "equivariance": 6,
    },
)
