"""Chairs at the paper's size with the best settings found; docs/experiments.md has the trials.

    python train.py --dataset=chairs --preset=best

What departs from the paper (`chairs_paper.py`) is what `faces_best.py` gives reasons for, and two
latents for the azimuth.
"""

import ml_collections

from . import chairs_paper, faces_best


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_best.get_config()
    paper = chairs_paper.get_config()
    config.dataset = paper.dataset
    del config.face_model
    config.data = paper.data
    # One number cannot follow a circle: with one latent it is a sinusoid of the angle, which does
    # not tell the front from the back.
    config.latents_per_factor = (2,)
    config.factor_ratios = ((0, (1, 1)),)  # azimuth : intrinsic
    # Two factors in place of four: as many steps for each as the faces have.
    config.warmup_steps = 1840
    config.optimizer.decay_steps = 7600
    config.num_steps = 8000
    return config
