"""The network and its training in PyTorch, as one writes them there: to be held against."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import torch
import torch.nn.functional as F

from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.layers import UnpoolConv2D


class TorchNetwork(torch.nn.Module):
    """Encoder and decoder with the weights of a model of this project.

    Args:
        model: to copy.
        folded: whether the decoder's stages are convolutions of the smaller map, as
            `UnpoolConv2D` computes them, instead of unpooling and convolution.
    """

    def __init__(self, model: DCIGN, *, folded: bool = False):
        super().__init__()
        self._folded = folded
        convolutions = [own for own in model.encoder.layers if isinstance(own, keras.layers.Conv2D)]
        self._encoder = torch.nn.ModuleList(_conv(*own.get_weights()) for own in convolutions)
        self._z_mean = _dense(model.encoder.get_layer("z_mean"))
        self._z_log_var = _dense(model.encoder.get_layer("z_log_var"))
        self._dense = _dense(model.decoder.get_layer("dense"))
        stages = [own for own in model.decoder.layers if isinstance(own, UnpoolConv2D)]
        self._stages = torch.nn.ModuleList(
            _folded_conv(own) if folded else _conv(*own.get_weights()) for own in stages
        )
        self._base = model.decoder.get_layer("base").output.shape[1:]
        self._size = model.decoder.output_shape[1:3]

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[B, C, H, W] to mean and logarithm of the variance of each latent, [B, L]."""
        x = images
        for conv in self._encoder:
            x = F.relu(F.max_pool2d(conv(x), 2))
        x = x.permute(0, 2, 3, 1).flatten(1)
        return self._z_mean(x), self._z_log_var(x)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Codes [B, L] to logits [B, C, H, W]."""
        x = F.relu(self._dense(z)).unflatten(1, self._base).permute(0, 3, 1, 2)
        for stage, conv in enumerate(self._stages, start=1):
            if self._folded:
                x = F.pixel_shuffle(conv(x), 2)
            else:
                x = conv(F.interpolate(x, scale_factor=2, mode="nearest"))
            x = F.relu(x) if stage < len(self._stages) else x
        top, left = ((a - b) // 2 for a, b in zip(x.shape[2:], self._size, strict=True))
        return x[:, :, top : top + self._size[0], left : left + self._size[1]]


def training_step(
    model: DCIGN, *, dtype: str, channels_last: bool, compiled: bool, device: str = "cpu"
) -> Callable[[np.ndarray, int, np.ndarray], torch.Tensor]:
    """A step of the clamped procedure with a Bernoulli likelihood, and Adam.

    Args:
        model: to copy; its settings are used, too.
        dtype: `"float32"`, or `"bfloat16"` by PyTorch's autocast.
        channels_last: the memory layout of maps.
        compiled: by `torch.compile`.
        device: where; `"cuda"` is a GPU.

    Returns:
        A function of images [B, H, W, C], the factor that varies and the noise [B, L] of the
        latents, which trains a step and returns the loss before it.
    """
    network = TorchNetwork(model).to(device)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    masks = torch.from_numpy(model.code.active_masks() > 0).to(device)
    weight = model.invariance_weight
    optimizer = torch.optim.Adam(network.parameters(), 5e-4, betas=(0.9, 0.99), fused=True)

    def clamp(z: torch.Tensor, active: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = z.mean(0, keepdim=True).detach()
        deviation = torch.where(active, torch.zeros_like(z), z - mean)
        return torch.where(active, z, mean), 0.5 * deviation.square().sum()

    def loss_of(images: torch.Tensor, active: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
            z_mean, z_log_var = network.encode(images)
        z_mean, penalty_mean = clamp(z_mean.float(), active)
        z_log_var, penalty_log_var = clamp(z_log_var.float(), active)
        z = z_mean + torch.exp(0.5 * z_log_var) * noise
        with torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
            logits = network.decode(z)
        reconstruction = F.binary_cross_entropy_with_logits(logits.float(), images, reduction="sum")
        kl = 0.5 * (z_mean.square() + z_log_var.exp() - z_log_var - 1)
        kl = torch.where(active, kl, torch.zeros_like(kl)).sum()
        return (reconstruction + kl + weight * (penalty_mean + penalty_log_var)) / len(images)

    if compiled:
        loss_of = torch.compile(loss_of)

    def step(images: np.ndarray, factor: int, noise: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)
        if not channels_last:
            x = x.contiguous()
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, masks[factor], torch.from_numpy(noise).to(device))
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def _conv(kernel: np.ndarray, bias: np.ndarray) -> torch.nn.Conv2d:
    """A valid convolution with a kernel [k, k, inputs, outputs]."""
    conv = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[0])
    conv.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
    conv.bias.data = torch.tensor(bias)
    return conv


def _folded_conv(layer: UnpoolConv2D) -> torch.nn.Conv2d:
    """Its outputs in the order of `pixel_shuffle`: filter, then row and column phase."""
    kernel = layer.folded_kernel().numpy()
    *inner, outputs = kernel.shape
    kernel = np.moveaxis(kernel.reshape(*inner, 4, outputs // 4), -1, -2)
    return _conv(kernel.reshape(*inner, outputs), np.repeat(layer.bias.numpy(), 4))


def _dense(layer: keras.layers.Dense) -> torch.nn.Linear:
    kernel, bias = layer.get_weights()
    dense = torch.nn.Linear(*kernel.shape)
    dense.weight.data, dense.bias.data = torch.tensor(kernel.T.copy()), torch.tensor(bias)
    return dense
