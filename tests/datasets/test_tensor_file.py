"""The reader of Torch7's tensors, on files written as its documentation says."""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from dcign_tf.datasets.torch7.tensor_file import read_tensor
from dcign_tf.errors import DataError
from tests.helpers import torch7_files as t7

# How a file begins that Torch7 itself wrote for a FloatTensor of 2×3, as dumped at
# https://gist.github.com/Atcold/4b8f320c3c4035984363 (2015), as far as the storage's object.
REAL_HEADER = bytes.fromhex(
    "04000000 01000000 03000000 562031 11000000 746f7263682e466c6f617454656e736f72"
    "02000000 0200000000000000 0300000000000000 0300000000000000 0100000000000000"
    "0100000000000000 04000000 02000000 03000000"
)
ARRAYS = npst.arrays(
    dtype=st.sampled_from(["<f4", "<f8", "u1"]),
    shape=npst.array_shapes(min_dims=1, max_dims=4, max_side=4),
    elements={"min_value": 0, "max_value": 100},
)
SMALL = t7.saved(np.arange(6, dtype="<f4").reshape(2, 3))


@pytest.fixture
def read(tmp_path):
    """Reads a file of these bytes."""

    def read_bytes(content: bytes) -> np.ndarray:
        path = tmp_path / "file.t7"
        path.write_bytes(content)
        return read_tensor(path)

    return read_bytes


def fails(read, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(content)
    assert "\n" not in str(caught.value)
    assert "file.t7" in str(caught.value)


def test_no_more_numbers_are_made_of_one_than_a_batch_can_have(read):
    repeated = np.broadcast_to(np.float32(0.5), (20, 1, 700, 700))
    assert (read(t7.saved(repeated)) == 0.5).all()
    hundred_bytes = t7.saved(np.broadcast_to(np.float32(0.5), (20, 1, 14_000, 14_000)))
    assert len(hundred_bytes) < 200
    fails(read, hundred_bytes, r"20×1×14000×14000 repeats the 1 numbers of its storage; at most")


def test_a_pointer_of_version_control(read):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n"
    fails(read, pointer, "is a pointer of Git LFS, .*git lfs pull")


def test_what_torch7_itself_wrote(read):
    values = np.array([0.7478, 0.5815, 0.5786, 0.6519, 0.1937, 0.6384], "<f4")
    rest = t7.storage(2, values)
    assert rest.startswith(REAL_HEADER[-12:])
    tensor = read(REAL_HEADER + rest[12:])
    np.testing.assert_array_equal(tensor, values.reshape(2, 3))
    assert REAL_HEADER + rest[12:] == t7.saved(values.reshape(2, 3))


class TestTensors:
    @given(data=st.data(), base=ARRAYS)
    def test_any_view_of_a_storage(self, tmp_path_factory, data, base):
        """Tensors share storages: cut, transposed and stepped ones differ in offset and strides."""
        steps = [data.draw(st.slices(n)) for n in base.shape]
        forward = tuple(s if (s.step or 1) > 0 else slice(None) for s in steps)
        view = base[forward].transpose(data.draw(st.permutations(range(base.ndim))))
        first = (
            (view.__array_interface__["data"][0] - base.__array_interface__["data"][0])
            if (view.size)
            else 0
        )
        content = t7.tensor(
            1,
            t7.KINDS[base.dtype.str[1:]],
            view.shape,
            tuple(stride // base.itemsize for stride in view.strides),
            first // base.itemsize,
            t7.storage(2, base),
        )
        path = tmp_path_factory.mktemp("view") / "file.t7"
        path.write_bytes(content)
        tensor = read_tensor(path)
        assert tensor.dtype == base.dtype
        np.testing.assert_array_equal(tensor, view)

    def test_expanded(self, read):
        stored = t7.storage(2, np.array([1.5, 2.5]))
        tensor = read(t7.tensor(1, "Double", (3, 2), (0, 1), 0, stored))
        np.testing.assert_array_equal(tensor, [[1.5, 2.5]] * 3)

    @pytest.mark.parametrize("stored", [struct.pack("<i", 0), t7.storage(2, np.empty(0, "<f4"))])
    def test_empty(self, read, stored):
        tensor = read(t7.tensor(1, "Float", (), (), 0, stored))
        assert (tensor.shape, tensor.dtype) == ((0,), np.float32)

    def test_of_before_there_were_versions(self, read):
        tensor = read(SMALL.replace(t7.string("V 1"), b""))
        np.testing.assert_array_equal(tensor, [[0, 1, 2], [3, 4, 5]])

    def test_in_tables(self, read):
        inner = t7.table(
            2,
            (struct.pack("<id", 1, 1.0), t7.tensor(3, "Byte", (2,), (1,), 1, t7.storage(4, ABC))),
            (t7.key("itself"), t7.reference(1, kind=3)),
            (t7.key("again"), t7.reference(3)),
        )
        outer = t7.table(1, (t7.key("yes"), struct.pack("<ii", 5, 1)), (t7.key("data"), inner))
        np.testing.assert_array_equal(read(outer), [98, 99])


ABC = np.frombuffer(b"abc", np.uint8)


class TestErrors:
    @pytest.mark.parametrize("length", range(len(SMALL)))
    def test_truncated_anywhere(self, read, length):
        fails(read, SMALL[:length], "truncated, or no Torch7 file: .* are due at byte")

    @given(data=st.data())
    def test_a_damaged_file_is_read_or_refused(self, tmp_path_factory, data):
        content = bytearray(SMALL)
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path = tmp_path_factory.mktemp("damaged") / "file.t7"
        path.write_bytes(content)
        assert re.fullmatch("|.*file.t7 .*", t7.refusal(lambda: read_tensor(path)))

    def test_missing(self, tmp_path):
        with pytest.raises(DataError, match=r"^Cannot read .*batch7: No such file or directory\.$"):
            read_tensor(tmp_path / "batch7")

    def test_written_as_text(self, read):
        text = b"4\n1\n3\nV 1\n17\ntorch.FloatTensor\n1\n2\n1\n1\n4\n2\n3\nV 1\n18\n"
        fails(read, text, r"written as text; .*torch\.save\(file, torch\.load\(file, 'ascii'\)\)")

    def test_something_else(self, read):
        fails(read, b"\x89PNG\r\n\x1a\n" * 9, "an object of unknown type 1196314761 at byte 0")

    @pytest.mark.parametrize("name", ["torch.CudaTensor", "torch.LongTensor", "nn.Linear", "x\n\0"])
    def test_another_class(self, read, name):
        fails(read, t7.torch_object(1, name, bytes(99)), "holds an object of class '.*; expected")

    def test_no_tensor(self, read):
        fails(read, t7.storage(1, ABC), "holds no tensors; expected one")
        fails(read, struct.pack("<i", 0), "holds no tensors")

    def test_two_tensors(self, read):
        tensors = [t7.tensor(i, "Byte", (2,), (1,), 0, t7.storage(i + 1, ABC)) for i in (2, 4)]
        entries = [(t7.key(str(i)), tensor) for i, tensor in enumerate(tensors)]
        fails(read, t7.table(1, *entries), "holds 2 tensors; expected one")

    @pytest.mark.parametrize(
        ("shape", "strides", "first"),
        [
            ((4,), (1,), 0),
            ((2,), (2,), 1),
            ((2,), (1,), -1),
            ((2,), (-1,), 0),
            ((-2,), (1,), 0),
            ((2**40, 2**40), (1, 1), 0),
            ((2,), (2**62,), 0),
            ((9,), (2**61,), 0),
            ((5, 3), (2**62, 1), 0),
        ],
    )
    def test_outside_its_storage(self, read, shape, strides, first):
        content = t7.tensor(1, "Byte", shape, strides, first, t7.storage(2, ABC))
        fails(read, content, f"a tensor of {'×'.join(map(str, shape))} does not fit its storage")

    def test_the_storage_of_another_type(self, read):
        fails(read, t7.tensor(1, "Float", (2,), (1,), 0, t7.storage(2, ABC)), "does not fit")
        fails(read, t7.tensor(1, "Float", (2,), (1,), 0, struct.pack("<i", 0)), "does not fit")

    def test_more_after_the_end(self, read):
        fails(read, SMALL + b"12345", "5 bytes follow its end")

    def test_negative_lengths(self, read):
        fails(read, struct.pack("<iii", 3, 1, -1), "a table of -1 entries")
        fails(read, struct.pack("<iii", 4, 1, -1), "a string has the length -1")

    def test_tables_without_end(self, read):
        nested = b"".join(struct.pack("<iii", 3, i, 1) for i in range(1, 100_000))
        fails(read, nested, "tables are nested without end")
