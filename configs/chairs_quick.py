"""The paper's experiment on chairs made small, for 2 CPU cores.

    python train.py --dataset=chairs --preset=quick

What departs from the paper (`chairs_paper.py`) is what `faces_quick.py` gives reasons for, and two
latents for the azimuth.
"""

import ml_collections

from dcign_tf.datasets.chairs.settings import QUICK

from . import chairs_paper, faces_quick


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_quick.get_config()
    paper = chairs_paper.get_config()
    config.dataset = paper.dataset
    del config.face_model
    config.data = paper.data
    config.data.update(QUICK)
    # One number cannot follow a circle: with one latent it is a sinusoid of the angle, which does
    # not tell the front from the back.
    config.latents_per_factor = (2,)
    config.factor_ratios = ((0, (1, 1)),)  # azimuth : intrinsic
    config.warmup_steps = 1040
    config.optimizer.update(name="muon", learning_rate=1e-3, decay_steps=3900)
    config.num_steps = 4500
    return config
