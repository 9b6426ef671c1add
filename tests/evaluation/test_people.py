"""What is evaluated of faces alone, on images that *are* their graphics code."""

from __future__ import annotations

import dataclasses
import json
import types
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from dcign_tf.datasets.faces.sampling import draw_labels, identity_coefficients
from dcign_tf.datasets.faces.settings import FaceSettings
from dcign_tf.datasets.registry import open_dataset
from dcign_tf.datasets.sweeps import FaceDataset
from dcign_tf.evaluation.figures.style import save_figure
from dcign_tf.evaluation.metrics import recognition
from dcign_tf.evaluation.metrics.disentanglement import disentanglement_scores
from dcign_tf.evaluation.metrics.recognition import LESS_POSE, LESS_WITHIN
from dcign_tf.evaluation.people import evaluate_people
from dcign_tf.evaluation.portraits import CODES_FILE, Portraits, read_portraits
from dcign_tf.evaluation.shape_errors import shape_scores
from dcign_tf.evaluation.sweep_codes import Evaluated
from dcign_tf.factors import GraphicsCode
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from dcign_tf.readouts.face_shape import READOUT_FILE, ShapeReadout
from dcign_tf.readouts.leakage import Leakage
from dcign_tf.rendering.morphable_model import MorphableModel

SIZE, COEFFICIENTS = 16, 4
CODE = GraphicsCode.faces(3 + COEFFICIENTS)
ANGLES = tuple(f"{factor}_deg" for factor in CODE.extrinsic)
RANGE_DEG = 60


def ball() -> MorphableModel:
    """Something to render whose coefficients move it."""
    sphere = trimesh.creation.icosphere(2, 80)
    rng = np.random.default_rng(0)
    count = len(sphere.vertices)
    return MorphableModel(
        name="ball",
        mean_mm=sphere.vertices.astype(np.float32),
        triangles=sphere.faces.astype(np.int32),
        shape_basis_mm=rng.normal(0, 1, (3, count, 3)).astype(np.float32),
        mean_albedo=np.full((count, 3), 0.6, np.float32),
        albedo_basis=np.full((1, count, 3), 0.1, np.float32),
        fingerprint="ball-1",
    )


class Data:
    """A `FaceDataset` of people numbered from 0 (training) and from 100 (test)."""

    extrinsic = CODE.extrinsic
    image_shape = (SIZE, SIZE, 1)
    fingerprint = "some"
    values = types.MappingProxyType(dict(zip(CODE.extrinsic, ANGLES, strict=True)))
    periods = types.MappingProxyType({})

    def __init__(self, images_per_person: int = 3):
        self._images_per_person = images_per_person
        self._model = ball()

    def prepare(self) -> None:
        pass

    def sweeps(self, subset: str) -> dict[str, list]:
        assert subset == "train"
        return {"intrinsic": [example(range(10), seed) for seed in range(12)]}

    def independent(self) -> list:
        return [
            example([person], seed)
            for person in range(100, 108)
            for seed in range(self._images_per_person)
        ]

    def face_model(self) -> MorphableModel:
        return self._model


def example(people, seed: int) -> dict:
    """One image of each person, each in a pose and light of its own."""
    people = np.array(people)
    rng = np.random.default_rng([seed, *people])
    pose = rng.integers(0, 256, (len(people), 3))
    own = np.stack([np.random.default_rng(p).integers(0, 256, COEFFICIENTS) for p in people])
    images = np.zeros((len(people), SIZE, SIZE, 1), np.uint8)
    images[:, 0, :3, 0], images[:, 1, :COEFFICIENTS, 0] = pose, own
    return {
        "image": images,
        "identity": people,
        "coefficients": (own / 64 - 2).astype(np.float32),
        **{key: RANGE_DEG * (pose[:, i] / 127.5 - 1) for i, key in enumerate(ANGLES)},
    }


class Oracle:
    """Encodes and decodes those images exactly; entangled, the identity lies anywhere."""

    code = CODE
    order = np.roll(np.arange(CODE.latent_dim), 1)

    def __init__(self, is_entangled: bool = False):
        self.is_entangled = is_entangled

    def rearranged(self, latents: dict) -> Oracle:
        assert not latents  # entangled, it is to be looked at as it was trained
        return self

    def encode(self, images: np.ndarray) -> np.ndarray:
        return np.concatenate([images[:, 0, :3, 0], images[:, 1, :COEFFICIENTS, 0]], axis=1)

    def decode(self, z: np.ndarray) -> np.ndarray:
        images = np.zeros((len(z), SIZE, SIZE, 1), np.float32)
        images[:, :8] = z[:, np.newaxis, :1, np.newaxis]
        images[:, 8:] = z[:, np.newaxis, 3:4, np.newaxis]
        return np.clip(images, 0, 1)


def calibration(reason: str = "") -> Calibration:
    bounds = {"read_latents": (0.0, 1.0), "read_values": (-60.0, 60.0), "read_errors": (0.0, 0.0)}
    reach = {"write_values": (-60.0, 60.0), "write_latents": (0.0, 1.0)}
    return Calibration(
        {
            factor: FactorCalibration(name=f"{factor}_deg", **bounds, **reach, reason=reason)
            for factor in CODE.extrinsic
        },
        step=7,
    )


def evaluate(directory: Path, *, data=None, entangled=False, known=None) -> dict:
    evaluated = Evaluated(Oracle(entangled), {}, {}, {}, {}, known or calibration())
    scores, figures, training_codes = evaluate_people(evaluated, data or Data(), directory)
    for name, figure in figures.items():
        save_figure(figure, directory / f"{name}.png")
    own = read_portraits(Oracle(), Data().sweeps("train")["intrinsic"], ANGLES).codes
    np.testing.assert_array_equal(training_codes, own)
    return scores


@pytest.fixture(scope="module")
def perfect(tmp_path_factory) -> tuple[Path, dict]:
    directory = tmp_path_factory.mktemp("evaluation")
    return directory, evaluate(directory)


def test_the_stand_in_is_a_face_dataset_as_the_real_one_is(tmp_path):
    settings = {"image_size": 16, "train_identities": 20}
    faces = open_dataset("faces", tmp_path, preset="custom", settings=settings)
    assert isinstance(Data(), FaceDataset)
    assert isinstance(faces, FaceDataset)
    assert faces.face_model().name.startswith("procedural-head")
    other = types.SimpleNamespace(**{n: 0 for n in ("extrinsic", "image_shape", "fingerprint")})
    assert not isinstance(other, FaceDataset)


class Leaky(Oracle):
    """Its encoder takes some of the azimuth for a part of the person."""

    decodes_means = True
    share = np.ones(COEFFICIENTS)

    def encode(self, images: np.ndarray) -> np.ndarray:
        codes = super().encode(images).astype(np.float32)
        codes[:, 3:] += codes[:, :1] * self.share
        return codes


def test_people_are_recognised_by_what_is_left_without_the_pose(tmp_path):
    weights = np.zeros((CODE.latent_dim, COEFFICIENTS))
    weights[0] = Leaky.share
    leakage = {"azimuth": Leakage.of(np.zeros(CODE.latent_dim), 1.0, weights)}
    known = dataclasses.replace(calibration(), leakage=leakage)
    evaluated = Evaluated(Leaky(), {}, {}, {}, {}, known)
    scores, _, _ = evaluate_people(evaluated, Data(), tmp_path)
    found = scores["recognition"]["representations"]
    assert list(found)[1] == f"intrinsic latents{LESS_POSE}"
    assert found["intrinsic latents"]["rank1"] < 0.7
    assert found[f"intrinsic latents{LESS_POSE}"]["rank1"] == 1
    assert f"recognition.representations.intrinsic latents{LESS_POSE}.rank1" in scores["intervals"]


def test_a_perfect_code(perfect):
    _, scores = perfect
    recognition = scores["recognition"]
    assert recognition["protocol"]["num_identities"] == 8
    assert recognition["protocol"]["num_probes"] == 16
    found = recognition["representations"]
    assert list(found) == [
        *("intrinsic latents", "pixels", "4 principal components"),
        *(f"{name}{LESS_WITHIN}" for name in ("intrinsic latents", "4 principal components")),
    ]
    assert found[f"intrinsic latents{LESS_WITHIN}"]["rank1"] == 1
    # The components of highest variance are of pose and light as much as of people.
    plain, rest = (found[f"4 principal components{end}"]["rank1"] for end in ("", LESS_WITHIN))
    assert plain < rest
    assert found["intrinsic latents"]["rank1"] == 1
    assert found["intrinsic latents"]["equal_error_rate"] == 0
    assert found["pixels"]["rank1"] < 1  # half of what varies in them is pose and light
    assert set(found["pixels"]["rank1_by_change"]) == set(ANGLES)
    shape = scores["shape"]
    assert shape["ratio"] < 0.02
    assert (shape["num_images"], shape["num_identities"]) == (24, 8)
    assert (shape["num_fit_images"], shape["num_fit_identities"]) == (120, 10)
    json.dumps(scores)


def test_files(perfect):
    directory, _ = perfect
    figures = {"recognition.png", "shape_estimation.png", "sampled_people.png"}
    assert {path.name for path in directory.iterdir()} == {*figures, READOUT_FILE, CODES_FILE}
    for name in figures:
        assert np.asarray(Image.open(directory / name).convert("L")).std() > 1
    readout = ShapeReadout.load(directory / READOUT_FILE)
    assert (readout.step, readout.face_model, readout.first_latent) == (7, "ball-1", 3)
    shown = read_portraits(Oracle(), Data().independent(), ANGLES)
    np.testing.assert_allclose(readout.coefficients(shown.codes), shown.coefficients, atol=0.02)


def test_scores_can_be_had_from_the_files(perfect):
    directory, scores = perfect
    with np.load(directory / CODES_FILE) as file:
        codes, people, own = file["codes"], file["identities"], file["identity_latents"]
        found = disentanglement_scores(codes, file["factors"], groups=people)
        assert found.items() <= scores["disentanglement"].items()
        features = ((codes - file["fit_mean"]) / file["fit_std"])[:, own]
        angles = dict(zip(file["factor_names"].tolist(), file["factors"].T, strict=True))
        angles = {name: angles[name] for name in ANGLES}
        again = recognition.recognition_scores({"intrinsic latents": features}, people, angles)
        first = scores["recognition"]["representations"]["intrinsic latents"]
        own = again["representations"]["intrinsic latents"]
        intervals = own.pop("intervals")
        np.testing.assert_equal(own, first)
        where = "recognition.representations.intrinsic latents"
        for name in ("rank1", "random_gallery.rank1.mean"):
            assert scores["intervals"][f"{where}.{name}"] == intervals[name]
        readout = ShapeReadout.load(directory / READOUT_FILE)
        images = np.zeros((len(codes), 1, 1, 1), np.uint8)
        shown = Portraits(images, codes, people, file["coefficients"], angles)
        shape = shape_scores(ball(), readout, shown)
        np.testing.assert_equal(shape, scores["shape"])
        assert (file["step"].item(), file["face_model"].item()) == (7, "ball-1")


def test_an_entangled_network_is_read_from_all_latents_and_not_turned(tmp_path):
    scores = evaluate(tmp_path, entangled=True)
    assert "all latents (entangled)" in scores["recognition"]["representations"]
    assert scores["shape"]["ratio"] < 0.05
    assert not (tmp_path / "sampled_people.png").exists()
    assert ShapeReadout.load(tmp_path / READOUT_FILE).first_latent == 0


def test_of_the_validation_split_the_readout_is_fitted_and_nothing_scored(perfect, tmp_path):
    (tmp_path / CODES_FILE).write_bytes(b"of an earlier evaluation")
    evaluated = Evaluated(Oracle(), {}, {}, {}, {}, calibration(), "validation")
    scores, figures, _ = evaluate_people(evaluated, Data(), tmp_path)
    assert (scores, set(figures)) == ({}, {"sampled_people"})
    mine, tested = (ShapeReadout.load(d / READOUT_FILE) for d in (tmp_path, perfect[0]))
    np.testing.assert_array_equal(mine.weights, tested.weights)
    assert not (tmp_path / CODES_FILE).exists()


def test_without_a_calibration_nobody_is_turned(tmp_path):
    whole = calibration()
    factors = {name: known for name, known in whole.factors.items() if name != CODE.extrinsic[0]}
    unseen = dataclasses.replace(whole, factors=factors)  # no picture shows how the first varies
    for known in (calibration("the latent tells nothing"), unseen):
        evaluate(tmp_path, known=known)
        assert (tmp_path / "shape_estimation.png").exists()
        assert not (tmp_path / "sampled_people.png").exists()


def test_people_seen_once_cannot_be_recognised(tmp_path):
    scores = evaluate(tmp_path, data=Data(images_per_person=1))
    assert scores["recognition"] is None
    assert scores["shape"]["num_images"] == 8
    assert not (tmp_path / "recognition.png").exists()


def test_portraits_are_all_images_or_whole_sweeps_evenly_chosen():
    sweeps = Data().sweeps("train")["intrinsic"]
    everything = read_portraits(Oracle(), sweeps, ANGLES)
    assert everything.images.shape == (120, SIZE, SIZE, 1)
    own = Oracle().encode(everything.images.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(everything.codes, own)
    some = read_portraits(Oracle(), sweeps, ANGLES, most_images=35)
    assert len(some.images) == len(some.identities) == len(some.angles_deg["azimuth_deg"]) == 30
    for part, index in zip(np.split(some.images, 3), (0, 6, 11), strict=True):
        np.testing.assert_array_equal(part, sweeps[index]["image"])
    np.testing.assert_array_equal(
        some.coefficients, np.concatenate([sweeps[i]["coefficients"] for i in (0, 6, 11)])
    )
    assert len(read_portraits(Oracle(), sweeps, ANGLES, most_images=1).images) == 10
    assert len(read_portraits(Oracle(), sweeps, ANGLES, most_images=500).images) == 120


def test_people_have_one_number_and_one_set_of_coefficients_in_every_split():
    """On which the whole evaluation rests."""
    settings = FaceSettings(image_size=16, train_identities=30, test_identities=21)
    shown = {
        split: {
            int(person)
            for index in range(40)
            for person in draw_labels(settings, split, index)["identity"]
        }
        for split in ("train_intrinsic", "test_independent", "test_azimuth")
    }
    assert not shown["train_intrinsic"] & (shown["test_independent"] | shown["test_azimuth"])
    assert shown["test_independent"] & shown["test_azimuth"]
    person = min(shown["test_independent"])
    np.testing.assert_array_equal(
        identity_coefficients(settings, person), identity_coefficients(settings, person)
    )
