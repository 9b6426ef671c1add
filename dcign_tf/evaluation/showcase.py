"""What the demo shows of a run besides its network: pictures to begin with, and who there is.

Written by the evaluation, which has the data at hand, so that afterwards they are not needed.
"""

from __future__ import annotations

import pathlib

import numpy as np

from dcign_tf.codec import Codec
from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.pictures import encode_png
from dcign_tf.datasets.sweeps import (
    SweepDataset,
    decode_images,
    distinct_images,
    evenly,
    num_distinct,
)
from dcign_tf.factors import INTRINSIC
from dcign_tf.files import write_aside
from dcign_tf.readouts.identities import IDENTITIES_FILE, IdentityDistribution

EXAMPLES_FOLDER = "examples"
"""Pictures of test identities; its name in a run's evaluation directory."""

_EXAMPLES = 8
_FIT_SWEEPS = 100


def write_showcase(
    network: Codec, data: SweepDataset, codes: np.ndarray, directory: pathlib.Path
) -> None:
    """Writes example pictures of test identities, and how intrinsic latents are distributed.

    Args:
        network: a trained model.
        data: prepared.
        codes: of training images, [N, latent_dim], such as `training_codes` gives.
        directory: of the evaluation.

    Raises:
        UserError, OSError: if they cannot be written.
    """
    examples = directory / EXAMPLES_FOLDER
    examples.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(_example_images(network, data), start=1):
        content = encode_png(image)
        write_aside(examples / f"example{number}.png", lambda path, c=content: path.write_bytes(c))
    intrinsic = codes[:, network.code.slice(INTRINSIC)]
    IdentityDistribution.fitted(intrinsic, network.step).save(directory / IDENTITIES_FILE)


def training_codes(network: Codec, data: SweepDataset) -> np.ndarray:
    """The codes of some training sweeps, [N, latent_dim]: of intrinsic ones, if there are any."""
    of_factors = data.sweeps("train")
    by_interest = (of_factors[factor] for factor in reversed(network.code.factors))
    sweeps = next(filter(len, by_interest))
    codes = concurrently(
        lambda index: network.encode(distinct_images(sweeps[index])), evenly(sweeps, _FIT_SWEEPS)
    )
    return np.concatenate(list(codes))


def _example_images(network: Codec, data: SweepDataset) -> list[np.ndarray]:
    """uint8 [H, W, C] each; of all factors in turn, so that they differ in everything."""
    sweeps = data.sweeps("test")
    factors = [factor for factor in network.code.factors if len(sweeps[factor])]
    images = []
    for number in range(_EXAMPLES if factors else 0):
        of_factor = sweeps[factors[number % len(factors)]]
        example = of_factor[round(number * (len(of_factor) - 1) / (_EXAMPLES - 1))]
        # Sweeps may be in order: towards another end each time.
        index = round(number * 0.61803 % 1 * (num_distinct(example) - 1))
        images.append(decode_images(example["image"])[index])
    return images
