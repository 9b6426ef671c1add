"""Arrays from files of strangers: what they claim, hold, and are."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from dcign_tf.archives import read_arrays
from dcign_tf.errors import UserError

DIMENSIONS = {"mean": "n", "covariance": "nn", "name": None}
WHOLE = {"mean": np.zeros(3, np.float32), "covariance": np.eye(3), "name": np.array("someone")}


def test_arrays_as_they_were_saved(tmp_path):
    np.savez_compressed(tmp_path / "file.npz", **WHOLE, more=np.array([None]))  # which is not read
    arrays = read_arrays(tmp_path / "file.npz", DIMENSIONS, "This")
    assert list(arrays) == list(WHOLE)
    for name, array in WHOLE.items():
        np.testing.assert_array_equal(arrays[name], array)


def claiming(count: int) -> bytes:
    """An archive whose array says that it has so many numbers, and has none."""
    array, archive = io.BytesIO(), io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(array, header)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("mean.npy", array.getvalue())
    return archive.getvalue()


def saved(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **{**WHOLE, **arrays})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a pointer of Git LFS"),
        (b"no", "it is cut short, or of another kind"),
        (saved()[:-30], "it is cut short, or of another kind"),
        (claiming(10**12), ""),
        (saved(more=np.zeros(10**7)), "it claims to hold 80,"),
        (saved(mean=np.zeros(4)), r"covariance is \(3, 3\), and others are of 4"),
        (saved(covariance=np.eye(3, 2)), r"covariance is \(3, 2\), and others are of 3"),
        (saved(mean=np.zeros((3, 1))), "mean is float64 of 2 dimensions"),
        (saved(mean=np.array(["a", "b", "c"])), "mean is <U1 of 1 dimensions"),
        (saved(name=np.float32(3)), "name is float32 of 0 dimensions"),
        (saved(mean=np.array([0, np.nan, 1])), "mean holds numbers that are not finite"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, content, reason):
    path = tmp_path / "file.npz"
    path.write_bytes(content)
    message = rf"^This .*file\.npz is damaged \(.*{reason}.*\); dcign-tf evaluate makes it anew\.$"
    with pytest.raises(UserError, match=message):
        read_arrays(path, DIMENSIONS, "This")


def test_what_cannot_be_read_is_not_called_damaged(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read .*: Is a directory\."):
        read_arrays(tmp_path, DIMENSIONS, "This")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.npz", DIMENSIONS, "This")
