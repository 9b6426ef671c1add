"""Sweeps, as everything here takes them: what a dataset has to offer, and its images as arrays.

A split is a sequence of examples; an example is a dict whose `image` holds the
images of one sweep. Anything of that form can be trained on: see `Sweeps`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from PIL import Image

from dcign_tf.pixels import to_unit

if TYPE_CHECKING:
    from dcign_tf.rendering.morphable_model import MorphableModel


SUBSETS = ("train", "validation", "test")
TRAIN_SWEEPS = 50_000
"""Composed ones cost nothing but a number: there are more of them than most runs show."""


class Sweeps(Protocol):
    """Sweeps of one factor, in random access; reading must be thread-safe.

    `sweeps[i]["image"]` is uint8 [n, H, W, C], or a list of n PNG files, which
    the pipeline then decodes; n and the shape are the same for every i.

    Where fewer than n images are to be had, a sweep is filled up by repeating
    them, and `sweeps[i]["distinct"]`, an int in [1, n], says how many are real: the
    first `distinct` images differ, what follows repeats them and is left out of
    every score. Without the key all n count.

    `sweeps[i]["identity"]`, int [n], says who is in each image, the same number for the same
    person in all factors' sweeps of a split. Without the key it is not known, and each sweep
    counts as of one person.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Mapping[str, Any]: ...


class SweepDataset(Protocol):
    """A dataset in the form that training and evaluation take; `prepare` it before reading.

    Attributes:
        extrinsic: names of the extrinsic factors, in the order of the code.
        image_shape: height, width and channels.
        fingerprint: changes whenever the images do.
        values: extrinsic factor to the key under which its sweeps' examples hold its
            true value, float [n]; a factor without known values is missing. A key that
            ends in `_deg` is in degrees; any other is in a unit of the user's own.
        periods: of the factors of `values` that are circles, in their own unit (360.0).
    """

    extrinsic: tuple[str, ...]
    image_shape: tuple[int, int, int]
    fingerprint: str
    values: Mapping[str, str]
    periods: Mapping[str, float]

    def prepare(self) -> None:
        """Makes the data unless they are there already.

        Raises:
            DataError: if something that they are made of cannot be had or read, they
                cannot be written, or are there but damaged. What is finished is kept:
                mend it, and the next call goes on from there.
        """

    def sweeps(self, subset: str) -> dict[str, Sweeps]:
        """Factor to the sweeps of `train`, `validation` or `test` in which it varies.

        Every extrinsic factor and `intrinsic` is a key. In `validation` and `test`
        a factor may have no sweep at all (length 0): what needs them is not scored. In `train`
        `intrinsic` may have none, if there is one object alone.
        """


@runtime_checkable
class FaceDataset(SweepDataset, Protocol):
    """A dataset rendered from a face model.

    Its examples also hold `identity`, int [n], the same number for the same person in
    every split, and `coefficients`, float32 [n, K], of that person in the face model.
    """

    def independent(self) -> Sweeps:
        """Test images in which all factors were drawn independently."""

    def face_model(self) -> MorphableModel:
        """The face model, loaded."""


def decode_images(images: np.ndarray | Sequence[bytes]) -> np.ndarray:
    """uint8 [n, H, W, C] from n PNG files; arrays are returned as they are."""
    if isinstance(images, np.ndarray) and images.dtype == np.uint8:
        return images
    files = (Image.open(io.BytesIO(image), formats=["PNG"]) for image in images)
    decoded = np.stack([np.asarray(picture) for picture in files])
    return decoded if decoded.ndim == 4 else decoded[..., np.newaxis]


def distinct_images(example: Mapping[str, Any]) -> np.ndarray:
    """A sweep's images without its repetitions: float32 [n_i, H, W, C] in [0, 1].

    With the arithmetic of the training pipeline.
    """
    images = example["image"][: num_distinct(example)]
    return to_unit(decode_images(images))


def some_images(example: Mapping[str, Any], count: int) -> np.ndarray:
    """At most so many of a sweep's distinct images, evenly chosen: uint8 [n, H, W, C].

    No others are decoded.
    """
    images, chosen = example["image"], list(evenly(range(num_distinct(example)), count))
    is_array = isinstance(images, np.ndarray)
    return decode_images(images[chosen] if is_array else [images[index] for index in chosen])


def num_distinct(example: Mapping[str, Any]) -> int:
    """How many leading images of a sweep are no repetitions (`Sweeps`)."""
    return int(example.get("distinct", len(example["image"])))


def shown_identities(example: Mapping[str, Any], index: int) -> np.ndarray:
    """Who is in each of a sweep's distinct images: integers [n_i].

    Args:
        example: a sweep; where it holds no `identity`, it counts as of one person of its own.
        index: of the sweep, which is then that person's number.
    """
    count = num_distinct(example)
    if "identity" not in example:
        return np.full(count, index)
    return np.asarray(example["identity"])[:count]


def evenly(sweeps: Sequence, count: int) -> list[int]:
    """Indices of at most `count` sweeps: neighbours may be of one identity."""
    chosen = np.linspace(0, len(sweeps) - 1, min(count, len(sweeps)))
    return np.rint(chosen).astype(int).tolist()


def picked(sweeps: Sweeps, indices: Sequence[int]) -> NumberedSweeps:
    """The sweeps of these indices, in this order."""
    return NumberedSweeps(len(indices), lambda number: sweeps[indices[number]])


class NumberedSweeps:
    """`Sweeps` that are read, or made, by their number when they are asked for.

    Args:
        count: number of sweeps.
        read: number from 0 to an example; thread-safe.
    """

    def __init__(self, count: int, read: Callable[[int], Mapping[str, Any]]):
        self._count = count
        self._read = read

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._read(index)


class ComposedSweeps(NumberedSweeps):
    """Sweeps composed of single images, of which nothing is stored.

    Their examples have `image`; each label, [n]; and `distinct`, the number of different images,
    which come first, before what repeats them.

    Args:
        read: images by their numbers, int [n], as a sweep has them; safe to call from several
            threads.
        compose: `compose(i)` is the images of sweep i, int [n], with the same n for
            every i; a function of i alone, and safe to call from several threads.
        count: number of sweeps.
        labels: name to an array [N] with a value for each image there is.

    Attributes:
        read_images: `read`.
        num_images: N.
    """

    def __init__(
        self,
        read: Callable[[np.ndarray], Any],
        compose: Callable[[int], np.ndarray],
        count: int,
        labels: Mapping[str, np.ndarray],
    ):
        super().__init__(count, self._compose_example)
        self.read_images = read
        self.num_images = len(next(iter(labels.values())))
        self._compose = compose
        self._labels = labels

    def reading(self, read: Callable[[np.ndarray], Any]) -> ComposedSweeps:
        """The same sweeps of images that are read in another way."""
        return ComposedSweeps(read, self._compose, len(self), self._labels)

    def _compose_example(self, index: int) -> dict[str, Any]:
        rows = np.asarray(self._compose(index), np.int64)
        first = np.sort(np.unique(rows, return_index=True)[1])
        rows = np.append(rows[first], np.delete(rows, first))
        of_rows = {name: values[rows] for name, values in self._labels.items()}
        return {"image": self.read_images(rows), "distinct": len(first), **of_rows}
