"""GraphicsCode: a partition of the latents, in the order given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.factors import GraphicsCode

layouts = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(1, 9), min_size=1)


@given(layouts)
def test_slices_are_consecutive_and_cover_the_code(sizes):
    code = GraphicsCode(sizes)
    stop = 0
    for factor, size in sizes.items():
        assert code.slice(factor) == slice(stop, stop + size)
        stop += size
    assert code.latent_dim == stop


@given(layouts)
def test_masks_partition_the_latents(sizes):
    code = GraphicsCode(sizes)
    masks = code.active_masks()
    assert masks.dtype == np.float32
    assert masks.shape == (len(sizes), code.latent_dim)
    np.testing.assert_array_equal(masks.sum(axis=0), 1)
    for factor in sizes:
        active = np.zeros(code.latent_dim)
        active[code.slice(factor)] = 1
        np.testing.assert_array_equal(masks[code.index(factor)], active)


@given(layouts)
def test_config_gives_the_same_code(sizes):
    code = GraphicsCode(sizes)
    copy = GraphicsCode(code.get_config())
    assert copy == code
    assert hash(copy) == hash(code)
    assert copy.factors == code.factors
    assert eval(repr(code)) == code


def test_config_is_a_copy():
    code = GraphicsCode.faces()
    code.get_config()["azimuth"] = 7
    assert code.slice("azimuth") == slice(0, 1)


def test_order_matters_to_equality():
    assert GraphicsCode({"a": 1, "b": 1}) != GraphicsCode({"b": 1, "a": 1})
    assert GraphicsCode({"a": 1}) != GraphicsCode({"a": 2})
    assert GraphicsCode({"a": 1}) != {"a": 1}


def test_faces_are_laid_out_as_in_the_paper():
    code = GraphicsCode.faces()
    assert code.factors == ("azimuth", "elevation", "light_azimuth", "intrinsic")
    assert code.extrinsic == ("azimuth", "elevation", "light_azimuth")
    assert [code.slice(f).start for f in code.factors] == [0, 1, 2, 3]
    assert code.slice("intrinsic") == slice(3, 200)
    assert code.latent_dim == 200


def test_chairs_keep_their_elevation_intrinsic():
    code = GraphicsCode.chairs(100)
    assert code.factors == ("azimuth", "intrinsic")
    assert code.slice("intrinsic") == slice(1, 100)


def test_smallest_codes():
    assert GraphicsCode.faces(4).slice("intrinsic") == slice(3, 4)
    assert GraphicsCode.chairs(2).slice("intrinsic") == slice(1, 2)
    assert GraphicsCode({"azimuth": 2}).extrinsic == ("azimuth",)


@pytest.mark.parametrize(
    "sizes", [{}, {"azimuth": 0}, {"azimuth": 1, "intrinsic": -1}, {"azimuth": 1.5}, {"a": "1"}]
)
def test_rejects_codes_without_latents(sizes):
    with pytest.raises(ValueError, match=r"needs (at least one factor|a whole number, at least 1)"):
        GraphicsCode(sizes)


def test_rejects_codes_without_an_intrinsic_latent():
    with pytest.raises(ValueError, match=r"latent_dim=3 .*at least 4"):
        GraphicsCode.faces(3)
    with pytest.raises(ValueError, match="at least 2"):
        GraphicsCode.chairs(1)


def test_a_factor_may_have_several_latents():
    code = GraphicsCode.with_intrinsic(("azimuth", "light"), 10, (2, 1))
    assert code.get_config() == {"azimuth": 2, "light": 1, "intrinsic": 7}
    for_all = GraphicsCode.with_intrinsic(("azimuth", "light"), 10, (2,))
    assert for_all.get_config() == {"azimuth": 2, "light": 2, "intrinsic": 6}
    with pytest.raises(ValueError, match=r"3 numbers of latents for azimuth, light; .* be 2, or"):
        GraphicsCode.with_intrinsic(("azimuth", "light"), 10, (1, 1, 1))
    with pytest.raises(ValueError, match=r"latent_dim=4 .*at least 5"):
        GraphicsCode.with_intrinsic(("azimuth", "light"), 4, (2,))


@pytest.mark.parametrize("method", ["index", "slice"])
def test_unknown_factors_are_named_beside_the_known(method):
    with pytest.raises(KeyError, match="'pose'; this code has azimuth, intrinsic"):
        getattr(GraphicsCode.chairs(), method)("pose")
