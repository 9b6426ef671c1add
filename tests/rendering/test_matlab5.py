"""The reader of MATLAB 5 files, beside SciPy's writer of them and a file put together by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from dcign_tf.rendering.face_models.matlab5 import read_matrices

MATRICES = npst.arrays(
    dtype=npst.integer_dtypes(endianness="<", sizes=(8, 16, 32, 64))
    | npst.unsigned_integer_dtypes(endianness="<", sizes=(8, 16, 32, 64))
    | npst.floating_dtypes(endianness="<", sizes=(32, 64)),
    shape=npst.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=5),
)


def element(order: str, kind: int, content: bytes) -> bytes:
    filled = content.ljust(-(-len(content) // 8) * 8, b"\0")
    return struct.pack(f"{order}II", kind, len(content)) + filled


def by_hand(order: str = "<", *, kind: int = 7, sizes=(2, 2), name: bytes = b"tl") -> bytes:
    """A file of one matrix: 1 2 3 4 in float32, column by column."""
    numbers = struct.pack(f"{order}4f", 1, 2, 3, 4)
    parts = (
        element(order, 6, struct.pack(f"{order}II", 7, 0)),  # of class single
        element(order, 5, struct.pack(f"{order}{len(sizes)}i", *sizes)),
        struct.pack(f"{order}I4s", len(name) << 16 | 1, name),  # small: within its own tag
        element(order, kind, numbers),
    )
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}HH", 0x100, 0x4D49)
    return header + element(order, 14, b"".join(parts))


@given(first=MATRICES, second=MATRICES, packed=st.booleans())
def test_what_scipy_writes_is_read(tmp_path_factory, first, second, packed):
    path = tmp_path_factory.getbasetemp() / "written.mat"
    variables = {"first": first, "a_name_of_some_length": second, "other": "text"}
    scipy.io.savemat(path, variables, do_compression=packed)
    read = read_matrices(path, ("first", "a_name_of_some_length"))
    np.testing.assert_array_equal(read["first"], first)
    np.testing.assert_array_equal(read["a_name_of_some_length"], second)


@pytest.mark.parametrize("order", "<>")
def test_either_order_of_bytes(tmp_path, order):
    path = tmp_path / "file.mat"
    path.write_bytes(by_hand(order))
    np.testing.assert_array_equal(read_matrices(path, ["tl"])["tl"], [[1, 3], [2, 4]])
    np.testing.assert_array_equal(scipy.io.loadmat(path)["tl"], [[1, 3], [2, 4]])
    assert read_matrices(path, ["shapeMU"]) == {}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            by_hand(kind=10),
            "an element of type 10, which is unknown there",
        ),  # of which SciPy's reader dies
        (by_hand(sizes=(2, 3)), "tl has 4 numbers for 2 × 3"),
        (by_hand(sizes=(-2, -2)), "tl has 4 numbers for -2 × -2"),
        (by_hand().replace(b"\5\0\0\0\10", b"\5\0\0\0\7", 1), "something else"),
        (by_hand(sizes=(2, 2, 1)), "something else"),
        (by_hand(name=b"tl..."), "an element of 5 bytes, of which there are not so many"),
        (by_hand()[:-1], "an element of type 14 that is no variable, or only a part"),
        (by_hand() + b"\0", "a damaged one"),
        (by_hand().replace(b"\16\0\0\0", b"\17\0\0\0", 1), "a damaged one"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, content, found):
    path = tmp_path / "file.mat"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=found) as caught:
        read_matrices(path, ["tl"])
    assert str(caught.value).startswith(f"{path} is no Basel face model: expected a ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["text", 1j * np.eye(2), {"a": 1}, scipy.sparse.eye(2, format="csc")]
)
def test_what_is_no_matrix_of_numbers(tmp_path, value):
    scipy.io.savemat(tmp_path / "file.mat", {"tl": value})
    with pytest.raises(ValueError, match="a matrix of numbers in tl, found something else"):
        read_matrices(tmp_path / "file.mat", ["tl"])
    assert read_matrices(tmp_path / "file.mat", ["shapeMU"]) == {}
