"""The graphics code: which latents stand for which factor of variation.

The paper (§3.1, Fig. 2) gives the first latents of the code to the extrinsic
factors, in a fixed order, and the rest to everything intrinsic to the object.
This module is that table and nothing else; it imports nothing of the project.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence

import numpy as np

INTRINSIC = "intrinsic"


class GraphicsCode:
    """Named factors and the slices of the latent vector that belong to them.

    Examples:
        >>> code = GraphicsCode({"azimuth": 1, "elevation": 2, "intrinsic": 5})
        >>> code.slice("elevation")
        slice(1, 3, None)
        >>> code.active_masks()[code.index("azimuth")]
        array([1., 0., 0., 0., 0., 0., 0., 0.], dtype=float32)

    Args:
        latents_per_factor: factor name to its number of latents (each at least
            1), in the order in which they stand in the code.

    Raises:
        ValueError: if there is no factor, or a factor has no latent.
    """

    def __init__(self, latents_per_factor: Mapping[str, int]):
        for name, size in latents_per_factor.items():
            if not isinstance(size, numbers.Integral) or size < 1:
                raise ValueError(
                    f"Factor '{name}' has {size} latents; it needs a whole number, at least 1."
                )
        self._sizes = {str(name): int(size) for name, size in latents_per_factor.items()}
        if not self._sizes:
            raise ValueError("A graphics code needs at least one factor.")

    @classmethod
    def faces(cls, latent_dim: int = 200) -> GraphicsCode:
        """Azimuth, elevation, light azimuth, then intrinsic (paper §3.1)."""
        return cls.with_intrinsic(("azimuth", "elevation", "light_azimuth"), latent_dim)

    @classmethod
    def chairs(cls, latent_dim: int = 200) -> GraphicsCode:
        """Azimuth, then intrinsic, which here includes elevation (paper §4.2)."""
        return cls.with_intrinsic(("azimuth",), latent_dim)

    @classmethod
    def with_intrinsic(
        cls, extrinsic: Sequence[str], latent_dim: int, latents_per_factor: Sequence[int] = (1,)
    ) -> GraphicsCode:
        """Latents for each extrinsic factor, the rest of `latent_dim` intrinsic.

        Args:
            extrinsic: names of factors, in the order of the code.
            latent_dim: length of the latent vector.
            latents_per_factor: a number for each of them, or one for all.

        Raises:
            ValueError: if the numbers are as many as neither, one of them is below 1, or no
                latent is left for the intrinsic factor.
        """
        each = tuple(latents_per_factor)
        if len(each) == 1:
            each *= len(extrinsic)
        if len(each) != len(extrinsic):
            raise ValueError(
                f"{len(each)} numbers of latents for {', '.join(extrinsic)}; there must be"
                f" {len(extrinsic)}, or one for all."
            )
        if latent_dim <= sum(each):
            raise ValueError(
                f"latent_dim={latent_dim} leaves no intrinsic latent beside {', '.join(extrinsic)};"
                f" it must be at least {sum(each) + 1}."
            )
        return cls({**dict(zip(extrinsic, each, strict=True)), INTRINSIC: latent_dim - sum(each)})

    @property
    def factors(self) -> tuple[str, ...]:
        """Factor names, in the order of the code."""
        return tuple(self._sizes)

    @property
    def extrinsic(self) -> tuple[str, ...]:
        """The factors other than `intrinsic`, in the order of the code."""
        return tuple(name for name in self._sizes if name != INTRINSIC)

    @property
    def latent_dim(self) -> int:
        """Length of the latent vector."""
        return sum(self._sizes.values())

    def index(self, factor: str) -> int:
        """Position of `factor` among the factors: the value that `factor` batches carry.

        Raises:
            KeyError: if the code has no such factor.
        """
        if factor not in self._sizes:
            raise KeyError(f"Unknown factor '{factor}'; this code has {', '.join(self._sizes)}.")
        return self.factors.index(factor)

    def slice(self, factor: str) -> slice:
        """Where the latents of `factor` stand in the latent vector.

        Raises:
            KeyError: if the code has no such factor.
        """
        start = sum(self._sizes[name] for name in self.factors[: self.index(factor)])
        return slice(start, start + self.size(factor))

    def size(self, factor: str) -> int:
        """How many latents `factor` has.

        Raises:
            KeyError: if the code has no such factor.
        """
        return self._sizes[self.factors[self.index(factor)]]

    def order(self, latents: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
        """How to rearrange another code so that its latents stand where this one has them.

        Args:
            latents: factors to the latents of the other code that stand for them.

        Returns:
            `latent_dim` different indices: `z[..., order]` is the other code rearranged.
            Its latents that are not given fill the other places, ascending.

        Raises:
            KeyError: if the code has no such factor.
            ValueError: if a factor has another number of latents, or they are not different
                ones of the code.
        """
        order = np.full(self.latent_dim, -1)
        for factor, own in latents.items():
            if len(own) != self.size(factor):
                raise ValueError(f"Factor '{factor}' has {self._sizes[factor]} latents, not {own}.")
            order[self.slice(factor)] = own
        given = order[order >= 0]
        rest = np.setdiff1d(np.arange(self.latent_dim), given)
        if len(given) != sum(map(len, latents.values())) or len(rest) + len(given) != len(order):
            raise ValueError(f"{dict(latents)} are not different latents of {self.latent_dim}.")
        order[order < 0] = rest
        return tuple(order.tolist())

    def active_masks(self) -> np.ndarray:
        """Row i is 1 where a latent belongs to factor i: float32 [num_factors, latent_dim]."""
        each = np.eye(len(self._sizes), dtype=np.float32)
        return np.repeat(each, list(self._sizes.values()), axis=1)

    def get_config(self) -> dict[str, int]:
        """The constructor's argument, for serialisation."""
        return dict(self._sizes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GraphicsCode) and list(self._sizes.items()) == list(
            other._sizes.items()
        )

    def __hash__(self) -> int:
        return hash(tuple(self._sizes.items()))

    def __repr__(self) -> str:
        return f"GraphicsCode({self._sizes})"
