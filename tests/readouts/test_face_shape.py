"""The linear read-out, on a small face model whose coefficients a code tells exactly, or not."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold

from dcign_tf.errors import UserError
from dcign_tf.evaluation import shape_errors
from dcign_tf.evaluation.portraits import Portraits
from dcign_tf.evaluation.shape_errors import shape_scores, vertex_errors_mm
from dcign_tf.readouts import face_shape
from dcign_tf.readouts.face_shape import ShapeReadout, fit_readout
from dcign_tf.rendering.head import procedural_head
from dcign_tf.rendering.morphable_model import MorphableModel

SHAPE, ALBEDO, VERTICES = 4, 2, 12
LATENTS = 9
WHERE = slice(2, LATENTS)


def small_model(seed: int = 0) -> MorphableModel:
    rng = np.random.default_rng(seed)
    return MorphableModel(
        name="small",
        mean_mm=rng.normal(0, 50, (VERTICES, 3)).astype(np.float32),
        triangles=np.array([[0, 1, 2]], np.int32),
        shape_basis_mm=rng.normal(0, 3, (SHAPE, VERTICES, 3)).astype(np.float32),
        mean_albedo=np.full((VERTICES, 3), 0.5, np.float32),
        albedo_basis=np.zeros((ALBEDO, VERTICES, 3), np.float32),
        fingerprint="small-1",
    )


MODEL = small_model()


def people(num_identities: int, first: int = 0, images: int = 6, noise: float = 0.0):
    """Codes that hold the coefficients, linearly mixed, from latent 2 on; pose in the first two."""
    rng = np.random.default_rng(first)
    identities = np.repeat(np.arange(first, first + num_identities), images)
    own = MODEL.draw_coefficients(rng, num_identities)
    coefficients = np.repeat(own, images, axis=0)
    mixing = np.random.default_rng(99).normal(size=(SHAPE + ALBEDO, LATENTS - 2))
    codes = np.concatenate(
        [rng.normal(size=(len(identities), 2)), coefficients @ mixing + 1.5], axis=1
    )
    return codes + noise * rng.normal(size=codes.shape), coefficients, identities


def scored(readout: ShapeReadout, codes, coefficients, identities) -> dict:
    shown = Portraits(
        images=np.zeros((len(codes), 1, 1, 1), np.uint8),
        codes=codes,
        identities=identities,
        coefficients=coefficients,
        angles_deg={},
    )
    return shape_scores(MODEL, readout, shown)


def fitted(noise: float = 0.0, num_identities: int = 40) -> ShapeReadout:
    return fit_readout(*people(num_identities, noise=noise), where=WHERE)


# --- errors in millimetres ------------------------------------------------------------


def test_true_coefficients_have_no_error():
    _, coefficients, _ = people(5)
    np.testing.assert_array_equal(vertex_errors_mm(MODEL, coefficients, coefficients), 0)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 9))
def test_errors_are_the_mean_distances_between_vertices(seed, count):
    rng = np.random.default_rng(seed)
    estimated, true = (MODEL.draw_coefficients(rng, count) for _ in range(2))
    expected = [
        np.mean(np.sqrt(np.sum((MODEL.vertices_mm(e) - MODEL.vertices_mm(t)) ** 2, axis=1)))
        for e, t in zip(estimated, true, strict=True)
    ]
    np.testing.assert_allclose(vertex_errors_mm(MODEL, estimated, true), expected, rtol=1e-4)


def test_a_component_alone_moves_as_far_as_it_says():
    true = np.zeros((1, SHAPE + ALBEDO))
    estimated = true.copy()
    estimated[0, 1] = -2
    expected = 2 * np.linalg.norm(MODEL.shape_basis_mm[1], axis=1).mean()
    assert vertex_errors_mm(MODEL, estimated, true) == pytest.approx(expected, rel=1e-6)


def test_albedo_moves_no_vertex():
    true, estimated = np.zeros((3, SHAPE + ALBEDO)), np.zeros((3, SHAPE + ALBEDO))
    estimated[:, SHAPE:] = 5
    np.testing.assert_array_equal(vertex_errors_mm(MODEL, estimated, true), 0)


def test_chunks_do_not_show(monkeypatch):
    rng = np.random.default_rng(0)
    estimated, true = (MODEL.draw_coefficients(rng, 7) for _ in range(2))
    whole = vertex_errors_mm(MODEL, estimated, true)
    monkeypatch.setattr(shape_errors, "_CHUNK_VERTICES", 2 * VERTICES)
    np.testing.assert_allclose(vertex_errors_mm(MODEL, estimated, true), whole, rtol=1e-6)
    assert vertex_errors_mm(MODEL, estimated[:0], true[:0]).shape == (0,)


def test_the_procedural_head_by_its_own_vertices():
    head = procedural_head()
    estimated, true = head.draw_coefficients(np.random.default_rng(0), 2)
    expected = np.linalg.norm(head.vertices_mm(estimated) - head.vertices_mm(true), axis=1).mean()
    error = vertex_errors_mm(head, estimated[np.newaxis], true[np.newaxis])
    assert error == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shape", [(3, SHAPE), (3, SHAPE + ALBEDO + 1), (SHAPE + ALBEDO,)])
def test_coefficients_of_another_model_are_an_error(shape):
    with pytest.raises(ValueError, match=r"must both be \[N, 6\], as small has"):
        vertex_errors_mm(MODEL, np.zeros(shape), np.zeros(shape))


# --- the read-out ------------------------------------------------------------------------


def test_what_the_code_tells_exactly_is_read_exactly():
    readout = fitted()
    codes, coefficients, identities = people(10, first=500)
    np.testing.assert_allclose(readout.coefficients(codes), coefficients, atol=2e-3)
    scores = scored(readout, codes, coefficients, identities)
    assert scores["vertex_error_mm"] < 0.02
    assert scores["ratio"] < 0.01
    assert min(scores["r2_per_coefficient"]) > 0.999
    assert readout.alpha == face_shape.ALPHAS[0]


def test_a_code_that_tells_nothing_is_read_as_the_mean_face():
    _, coefficients, identities = people(100)
    noise = np.random.default_rng(0).normal(size=(len(identities), LATENTS))
    readout = fit_readout(noise, coefficients, identities, where=WHERE)
    assert readout.alpha > 1e3
    np.testing.assert_allclose(
        readout.coefficients(noise), np.tile(coefficients.mean(0), (len(noise), 1)), atol=0.1
    )
    test = people(50, first=500)
    scores = scored(readout, np.zeros((300, LATENTS)), *test[1:])
    assert scores["ratio"] == pytest.approx(1, abs=0.03)


def test_latents_elsewhere_are_not_read():
    readout = fitted(noise=0.3)
    codes, _, _ = people(4, first=500)
    moved = codes.copy()
    moved[:, :2] += 100
    np.testing.assert_array_equal(readout.coefficients(codes), readout.coefficients(moved))


def test_the_penalty_is_chosen_for_people_not_fitted_on():
    """Latents that tell who it is and nothing else: within a person, no penalty fits best."""
    rng = np.random.default_rng(0)
    num_identities, images = 30, 10
    identities = np.repeat(np.arange(num_identities), images)
    coefficients = np.repeat(MODEL.draw_coefficients(rng, num_identities), images, axis=0)
    names = np.repeat(rng.normal(size=(num_identities, num_identities)), images, axis=0)
    codes = np.concatenate([np.zeros((len(identities), 2)), names], axis=1)
    readout = fit_readout(codes, coefficients, identities, where=slice(2, None))
    assert readout.alpha > 100


@settings(max_examples=10)
@given(seed=st.integers(0, 100), noise=st.sampled_from([0.1, 1.0, 3.0]), number=st.integers(6, 40))
def test_as_scikit_learn_searches(seed, noise, number):
    codes, coefficients, identities = people(number, first=seed, noise=noise)
    latents = codes[:, WHERE].astype(float)
    scale = np.sqrt(latents.var(axis=0).mean())
    search = GridSearchCV(
        Ridge(),
        {"alpha": face_shape.ALPHAS},
        scoring="neg_mean_squared_error",
        cv=GroupKFold(5),
    ).fit(latents / scale, coefficients.astype(float), groups=identities)
    readout = fit_readout(codes, coefficients, identities, where=WHERE)
    assert readout.alpha == search.best_params_["alpha"]
    weights = search.best_estimator_.coef_ / scale
    np.testing.assert_allclose(readout.weights.T, weights, atol=1e-6)


@settings(max_examples=4)
@given(exponent=st.integers(-20, 20))
def test_the_scale_of_the_code_changes_no_estimate(exponent):
    codes, coefficients, identities = people(12, noise=1.0)
    readout = fit_readout(codes, coefficients, identities, where=WHERE)
    scaled = fit_readout(codes * 2.0**exponent, coefficients, identities, where=WHERE)
    assert scaled.alpha == readout.alpha
    np.testing.assert_allclose(
        scaled.coefficients(codes * 2.0**exponent), readout.coefficients(codes), atol=1e-5
    )


def test_scores_by_hand():
    codes, coefficients, identities = people(3, first=500, images=2, noise=0.5)
    keep = [0, 1, 2, 4, 5]  # one identity has a single image
    codes, coefficients, identities = codes[keep], coefficients[keep], identities[keep]
    readout = fitted(noise=0.5)
    scores = scored(readout, codes, coefficients, identities)
    estimated = readout.coefficients(codes)
    errors = vertex_errors_mm(MODEL, estimated, coefficients)
    own = [errors[:2].mean(), errors[2], errors[3:].mean()]
    assert scores["per_identity"] == [[500 + i, pytest.approx(e)] for i, e in enumerate(own)]
    assert scores["vertex_error_mm"] == pytest.approx(np.mean(own))
    assert scores["vertex_error_std_mm"] == pytest.approx(np.std(own, ddof=1))
    pooled = [estimated[:2].mean(0), estimated[2], estimated[3:].mean(0)]
    true = coefficients[[0, 2, 3]]
    assert scores["pooled_error_mm"] == pytest.approx(
        vertex_errors_mm(MODEL, np.stack(pooled), true).mean(), rel=1e-5
    )
    mean_face = [np.linalg.norm(MODEL.vertices_mm(t) - MODEL.mean_mm, axis=1).mean() for t in true]
    assert scores["mean_face_error_mm"] == pytest.approx(np.mean(mean_face), rel=1e-4)
    assert scores["ratio"] == pytest.approx(np.mean(own) / np.mean(mean_face), rel=1e-4)
    assert (scores["num_images"], scores["num_identities"]) == (5, 3)
    assert (scores["num_fit_images"], scores["num_fit_identities"]) == (240, 40)
    json.dumps(scores)


@pytest.mark.parametrize("num_identities", [2, 3])
def test_few_identities_make_fewer_folds(num_identities):
    assert fitted(num_identities=num_identities).num_identities == num_identities


def test_one_identity_is_too_few():
    with pytest.raises(ValueError, match="two identities"):
        fitted(num_identities=1)


def test_a_readout_survives_its_file(tmp_path):
    readout = dataclasses.replace(fitted(noise=0.2), face_model="small-1", step=7)
    path = tmp_path / "evaluation" / "shape_readout.npz"
    readout.save(path)
    loaded = ShapeReadout.load(path)
    for name, value in dataclasses.asdict(readout).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)
        assert type(getattr(loaded, name)) is type(value), name
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other", "object"])
def test_a_damaged_file_is_one_line(tmp_path, damage):
    path = tmp_path / "shape_readout.npz"
    fitted().save(path)
    content = path.read_bytes()
    if damage == "other":
        np.savez(path, weights=np.zeros(3))
    elif damage == "object":
        np.savez(path, **{**np.load(path), "weights": np.array([None])})
    else:
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "text": b"no"}[damage])
    with pytest.raises(UserError, match=r"is damaged .*dcign-tf evaluate makes") as caught:
        ShapeReadout.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told_from_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        ShapeReadout.load(tmp_path / "none.npz")
