"""The paper's encoder and decoder (Fig. 1), as Keras functional models.

All convolutions are "valid", the only reading that gives the figure's 7200 =
15·15·32 units. Where Fig. 1 leaves room (it names three decoder filters and
shows four unpoolings) the shapes below are our reading.

Differs from Torch7, whose network is narrower in the middle (96/48/24 filters,
5,400 units; decoder 24→48→96→96→1).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from dcign_tf.model.layers import MaxPool2x2, UnpoolConv2D, ValidConv2D

PAPER_IMAGE_SHAPE = (150, 150, 1)
PAPER_LATENT_DIM = 200
_LAYOUT = {"data_format": "channels_last"}  # whatever keras.json says


def build_encoder(
    image_shape: tuple[int, int, int] = PAPER_IMAGE_SHAPE,
    latent_dim: int = PAPER_LATENT_DIM,
    filters: Sequence[int] = (96, 64, 32),
    kernel_size: int = 5,
) -> keras.Model:
    """Image to the parameters of the posterior Q(z | x).

    Stages of convolution, 2×2 max-pooling and ReLU (150 → 73 → 34 → 15), then
    two dense heads, in float32 whatever the precision of the stages.

    Args:
        image_shape: height, width and channels.
        latent_dim: length of the code.
        filters: channels of each stage.
        kernel_size: height and width of every kernel.

    Returns:
        A model from images [B, H, W, C] in [0, 1] to a dict of `z_mean` and
        `z_log_var`, each float32 [B, latent_dim].

    Raises:
        ValueError: if the image is too small for the stages; says the smallest size.
    """
    smallest = smallest_image_size(len(filters), kernel_size)
    if min(image_shape[:2]) < smallest:
        raise ValueError(
            f"A {image_shape[0]}×{image_shape[1]} image is too small for {len(filters)} stages of"
            f" {kernel_size}×{kernel_size} convolution and pooling;"
            f" the smallest size is {smallest}×{smallest}."
        )
    images = keras.Input(image_shape, name="image")
    x = images
    for stage, channels in enumerate(filters, start=1):
        x = ValidConv2D(channels, kernel_size, name=f"conv{stage}")(x)
        x = MaxPool2x2(name=f"pool{stage}")(x)
        x = keras.layers.ReLU(name=f"relu{stage}")(x)
    x = keras.layers.Flatten(name="flatten", **_LAYOUT)(x)
    heads = {
        name: keras.layers.Dense(latent_dim, dtype="float32", name=name)(x)
        for name in ("z_mean", "z_log_var")
    }
    return keras.Model(images, heads, name="encoder")


def build_decoder(
    image_shape: tuple[int, int, int] = PAPER_IMAGE_SHAPE,
    latent_dim: int = PAPER_LATENT_DIM,
    base_filters: int = 32,
    filters: Sequence[int] = (32, 64, 96),
    kernel_size: int = 7,
) -> keras.Model:
    """Graphics code to the logits of an image.

    A dense layer makes the smallest map; stages of unpooling and convolution
    follow (15 → 24 → 42 → 78 → 150), ReLU between them, the last one to the
    image's channels in float32. A size that no map gives exactly is cropped from
    the next larger one, an odd row or column at the bottom and right.

    Args:
        image_shape: height, width and channels.
        latent_dim: length of the code.
        base_filters: channels of the smallest map.
        filters: channels of each stage but the last.
        kernel_size: height and width of every kernel after unpooling, odd.

    Returns:
        A model from codes [B, latent_dim] to logits, float32 [B, H, W, C].

    Raises:
        ValueError: if the kernel size is even.
    """
    height, width, channels = image_shape
    stages = len(filters) + 1
    base = tuple(_base_size(size, stages, kernel_size) for size in (height, width))
    code = keras.Input((latent_dim,), name="z")
    x = keras.layers.Dense(base[0] * base[1] * base_filters, activation="relu", name="dense")(code)
    x = keras.layers.Reshape((*base, base_filters), name="base")(x)
    for stage, stage_channels in enumerate(filters, start=1):
        x = UnpoolConv2D(stage_channels, kernel_size, "relu", name=f"unpool_conv{stage}")(x)
    x = UnpoolConv2D(channels, kernel_size, dtype="float32", name="logits")(x)
    excess = (x.shape[1] - height, x.shape[2] - width)
    if any(excess):
        crop = tuple((n // 2, n - n // 2) for n in excess)
        x = keras.layers.Cropping2D(crop, dtype="float32", name="crop", **_LAYOUT)(x)
    return keras.Model(code, x, name="decoder")


def smallest_image_size(stages: int, kernel_size: int) -> int:
    """The smallest height and width that leave the encoder a 1×1 map."""
    size = 1
    for _ in range(stages):
        size = 2 * size + kernel_size - 1
    return size


def _base_size(size: int, stages: int, kernel_size: int) -> int:
    """The smallest b with 2^L·b − (k − 1)·(2^L − 1) ≥ size, L the number of stages."""
    scale = 2**stages
    return -(-(size + (kernel_size - 1) * (scale - 1)) // scale)
