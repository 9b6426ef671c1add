"""The paper's experiment made small: about ten minutes on 2 CPU cores, data included.

    python train.py --dataset=faces --preset=quick

What departs from the paper (`faces_paper.py`) stands here, each with its reason.
"""

import ml_collections

from configs import faces_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_paper.get_config()
    config.preset = "quick"
    config.data.update(
        image_size=70,  # a fifth of the arithmetic; the same stages
        train_sweeps=300,
        validation_sweeps=25,
        test_sweeps=25,
        independent_images=1000,
        train_identities=1500,
        test_identities=100,
    )
    # A thousand times the paper's: 1/100 leaves the pose in the intrinsic latents for
    # far longer than this run lasts.
    config.invariance_weight = 10.0
    # The network first learns to draw a face at all, then what turns it.
    config.factor_ratios = ((0, (1, 1, 1, 10)), (1000, (2, 1, 1, 4)))
    config.optimizer.decay_steps = 4000
    config.num_steps = 4000
    config.log_every = 100
    config.validate_every = 500
    return config
