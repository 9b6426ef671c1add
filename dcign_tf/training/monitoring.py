"""What a network has learned so far: scores, latents and pictures at each validation.

The scores are those of `evaluation/scores.json`, on a few sweeps of validation people: what they
need is fitted on half of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from dcign_tf.codec import TRAVERSAL_STEPS, Codec
from dcign_tf.datasets.sweeps import SweepDataset, Sweeps, evenly, picked
from dcign_tf.evaluation.evaluate import read_out
from dcign_tf.evaluation.held_out import held_out_sweeps
from dcign_tf.evaluation.picture_errors import image_errors
from dcign_tf.evaluation.scores import make_scores
from dcign_tf.evaluation.sweep_codes import Codes, Evaluated, encode_factors, example_images
from dcign_tf.model.losses import kl_divergence
from dcign_tf.quantities import quantities

WATCHED = ("spearman", "r2_calibrated", "own_share", "novel_view_ratio")
"""The scores of a factor that are logged, as `val_spearman/azimuth` and the like."""
ACTIVE_NATS = 0.01
"""A latent with a larger KL, on average over pictures, counts as active."""
_PICTURES = 64  # of validation people, whose latents are looked at
_SHOWN = 8  # of these


@dataclasses.dataclass(frozen=True)
class Watched:
    """A network at one step.

    Attributes:
        numbers: scores on validation people, by the name under which they are logged.
        latent_kl: the KL of each latent in nats, its mean over pictures, [latent_dim].
        histograms: name to numbers: samples of each factor's latents, and of the prior.
        pictures: name to one picture [1, height, width, C] in [0, 1].
    """

    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    latent_kl: np.ndarray = dataclasses.field(default_factory=lambda: np.empty(0))
    histograms: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    pictures: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


def watch(network: Codec, data: SweepDataset, *, most_sweeps: int) -> Watched:
    """Looks at a network as it is now.

    Args:
        network: in training.
        data: prepared.
        most_sweeps: of each factor so many validation sweeps at most are looked at.
    """
    fit, scored = (_few(s, -(-most_sweeps // 2)) for s in held_out_sweeps(data, "validation"))
    images = example_images(scored, network.code.factors, _PICTURES)
    if not len(images):
        return Watched()
    told = read_out(network, fit, data)
    network = told.network
    codes = encode_factors(network, scored, data.values)
    known = quantities(data.values, data.periods)
    evaluated = Evaluated(network, scored, codes, told.codes, known, told.calibration, "validation")
    errors = {factor: image_errors(evaluated, factor, most_sweeps) for factor in scored}
    scores = make_scores(evaluated, errors)["factors"]
    z_mean, z_log_var = network.posterior(images)
    latent_kl = kl_divergence(z_mean, z_log_var).numpy().mean(axis=0)
    return Watched(
        numbers={
            **{
                f"val_{score}/{factor}": abs(value) if score == "spearman" else value
                for score in WATCHED
                for factor, of_factor in scores.items()
                if (value := of_factor.get(score)) is not None
            },
            "val_active_latents": float(np.sum(latent_kl > ACTIVE_NATS)),
        },
        latent_kl=latent_kl,
        histograms=_histograms(network, z_mean, z_log_var),
        pictures=_pictures(network, images[:_SHOWN], codes),
    )


def _few(sweeps: Mapping[str, Sweeps], most: int) -> dict[str, Sweeps]:
    """At most as many sweeps of each factor, evenly chosen."""
    return {factor: picked(own, evenly(own, most)) for factor, own in sweeps.items()}


def _histograms(network: Codec, z_mean: np.ndarray, z_log_var: np.ndarray) -> dict[str, np.ndarray]:
    """Samples of the codes of pictures, by factor: together they are to look like the prior."""
    noise = np.random.default_rng(0).standard_normal(z_mean.shape)
    z = z_mean + np.exp(0.5 * z_log_var) * noise
    of_factors = {
        f"z/{factor}": z[:, network.code.slice(factor)] for factor in network.code.factors
    }
    return {**of_factors, "z/prior": noise}


def _pictures(
    network: Codec, images: np.ndarray, codes: Mapping[str, Codes]
) -> dict[str, np.ndarray]:
    swept = {
        factor: network.swept(images[0], factor, latents)
        for factor in network.code.extrinsic
        if (latents := codes[factor].path(network.code.slice(factor), TRAVERSAL_STEPS)) is not None
    }
    pairs = np.concatenate([images, network.reconstruct(images)], axis=1)
    rows = {
        "originals_and_reconstructions": pairs,
        **{f"traversal/{factor}": images for factor, images in swept.items()},
    }
    return {name: np.concatenate(list(row), axis=1)[np.newaxis] for name, row in rows.items()}
