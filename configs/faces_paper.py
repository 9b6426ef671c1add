"""The paper's experiment on faces (Kulkarni et al., NIPS 2015, §3 and §4.1).

    python train.py --dataset=faces --preset=paper

Every value is the paper's, or a reading of it that docs/method.md explains.
"""

import dataclasses

import ml_collections
from ml_collections import config_dict

from dcign_tf.datasets.faces.settings import FaceSettings


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = ml_collections.ConfigDict()
    config.preset = "paper"

    # Data: 3,000 training and 350 test batches of 20 per factor, as Torch7 has.
    config.dataset = "faces"
    config.face_model = config_dict.placeholder(str)  # a file; without one, the procedural head
    settings = dataclasses.asdict(FaceSettings())
    del settings["face_model"]  # a setting of its own, above
    config.data = ml_collections.ConfigDict(settings)

    # Network: paper Fig. 1.
    config.network = ml_collections.ConfigDict(
        {
            "latent_dim": 200,
            "encoder_filters": (96, 64, 32),
            "encoder_kernel_size": 5,
            "decoder_base_filters": 32,
            "decoder_filters": (32, 64, 96),
            "decoder_kernel_size": 7,
        }
    )

    # The code: paper §3.1.
    # Of each extrinsic factor, or one number for all; () is two for a circle, one for any other.
    config.latents_per_factor = (1,)

    # Procedure: paper §3.1.
    config.procedure = "clamped"  # or "entangled", the paper's baseline; or "grouped", a Group-VAE
    config.beta = 1.0  # weight of the KL; entangled, another makes a β-VAE
    config.clamp_mode = "mean"  # or "first", as Torch7 does
    config.invariance_weight = 0.01
    config.warmup_steps = 0  # KL and invariance rise over so many first steps
    config.factor_ratios = ((0, (1, 1, 1, 10)),)  # from this step on: az : el : light : intrinsic
    config.batches_per_step = 1  # factor batches, each clamped by itself
    config.images_per_batch = config_dict.placeholder(int)  # of a sweep; without one, all
    config.likelihood = "bernoulli"  # or "gaussian"
    config.observation_stddev = 0.1  # of a pixel, for "gaussian"

    # Optimiser: what the paper calls rmsprop is bias-corrected Adam in Torch7.
    config.optimizer = ml_collections.ConfigDict(
        {
            "name": "adam",  # or "muon", for the kernels of convolutions
            "learning_rate": 5e-4,
            "final_learning_rate": 5e-4,  # if another: reached along a cosine, then kept
            "decay_steps": 12_000,  # the length of that cosine, whatever num_steps is
            "first_learning_rate": 5e-4,  # from here it rises to learning_rate …
            "warmup_steps": 0,  # … over so many first steps, before the cosine
            "learning_rate_scaling": "none",  # or by replicas, "sqrt" or "linear" (docs/scaling.md)
            "beta_1": 0.9,
            "beta_2": 0.99,
        }
    )

    # Run.
    config.seed = 0
    config.num_steps = 12_000
    config.log_every = 50
    config.validate_every = 500
    config.validation_sweeps_used = 10  # for each factor
    config.precision = "auto"
    config.jit_compile = config_dict.placeholder(bool)  # by XLA; without one, on a single GPU
    return config
