"""The paper's images and sizes with the best settings found; docs/experiments.md has the trials.

    python train.py --dataset=faces --preset=best

What departs from the paper (`faces_paper.py`) stands here, each with its reason.
"""

import ml_collections

from . import faces_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_paper.get_config()
    config.preset = "best"
    config.data_preset = "paper"  # the same images, in the same folder
    # A fourth stage sees more of the face at once; channels belong where maps are small. The
    # weights are fewer than the paper's network has.
    config.network.encoder_filters = (32, 48, 64, 96)
    config.network.decoder_base_filters = 64
    config.network.decoder_filters = (64, 48, 32)
    # Bernoulli's entropy on grey pictures makes an error of a pixel cheap beside the KL; the
    # weight of the invariance rises with that of an error.
    config.likelihood = "gaussian"
    config.observation_stddev = 0.12
    config.invariance_weight = 190.0
    # A step that sees several factors has a gradient for every latent; steps of one factor each
    # undo each other. Twenty images of one person under one light teach little more than four.
    config.batches_per_step = 8
    config.images_per_batch = 4
    # A factor that moves few pixels (elevation) needs to be seen often, and an unconstrained
    # start: otherwise the KL silences its latent before the decoder has learned to listen.
    config.factor_ratios = ((0, (1, 2, 1, 4)),)
    config.warmup_steps = 3200
    # Muon gets as far in two thirds of Adam's steps; its best rate is half of Adam's.
    config.optimizer.update(
        name="muon",
        first_learning_rate=1e-4,
        warmup_steps=600,
        learning_rate=1e-3,
        final_learning_rate=5e-5,
        decay_steps=13_400,
    )
    config.num_steps = 14_000
    config.log_every = 100
    config.validate_every = 1000
    return config
