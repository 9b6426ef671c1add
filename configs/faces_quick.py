"""The paper's experiment made small, for 2 CPU cores; README.md has the scores of a run.

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
        train_sweeps=400,
        validation_sweeps=25,
        test_sweeps=25,
        independent_images=1000,
        train_identities=2000,
        test_identities=100,
    )
    config.network.encoder_filters = (64, 48, 32)  # half the arithmetic
    config.network.decoder_filters = (32, 48, 64)
    # Three hundred times the paper's: 1/100 leaves the pose in the intrinsic latents for
    # far longer than this run lasts, and a thousand times keeps identity out of them too.
    config.invariance_weight = 3.0
    # A factor that moves few pixels (elevation) needs to be seen often, and an
    # unconstrained start: otherwise the KL silences its latent before the decoder has
    # learned to listen.
    config.factor_ratios = ((0, (1, 2, 1, 4)), (2000, (2, 3, 2, 5)))
    config.warmup_steps = 1500
    config.optimizer.update(learning_rate=1e-3, final_learning_rate=5e-5, decay_steps=5500)
    config.num_steps = 5500
    config.log_every = 100
    config.validate_every = 500
    return config
