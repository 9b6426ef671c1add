"""The export: what it answers, to whom, and what it says to a wrong request."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from dcign_tf.datasets.pictures import encode_png, fit_picture
from dcign_tf.errors import UserError
from dcign_tf.evaluation.scores import SCHEMA_VERSION
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.losses import standard_normal
from dcign_tf.model.precision import float32_copy
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from dcign_tf.readouts.latent_curve import LatentCurve
from dcign_tf.serving import exporting
from dcign_tf.serving.signatures import MOST_SAMPLES, ServedModel, input_names
from dcign_tf.serving.warmup import WARMUP_FILE
from tests.helpers import ROOT
from tests.helpers.exports import (
    CONFIG,
    LATENTS,
    SHAPE,
    calibration,
    images,
    small_model,
    small_run,
)
from tests.helpers.prediction_service import PredictionService, serving
from tests.helpers.tiny import tiny_model

NAN = np.float32("nan")
VALUES = ("azimuth_deg", "distance_value")
ERRORS = ("azimuth_error_deg", "distance_value_error")
DOUBTS = ("unfamiliarity", "is_unfamiliar")


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("runs") / "run", model)


@pytest.fixture(scope="module")
def version(run, tmp_path_factory) -> pathlib.Path:
    """What `export_model` wrote."""
    return exporting.export_model(run, tmp_path_factory.mktemp("export"), show=lambda line: None)


@pytest.fixture(scope="module")
def service(version) -> PredictionService:
    return PredictionService(version)


@pytest.fixture(scope="module")
def client_module():
    spec = importlib.util.spec_from_file_location("client", ROOT / "docs/serving/client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def request(signature: str, **inputs) -> predict_pb2.PredictRequest:
    """A request; floats become float32, as in the signatures."""
    made = predict_pb2.PredictRequest()
    made.model_spec.signature_name = signature
    for name, value in inputs.items():
        value = np.asarray(value)
        value = value.astype(np.float32) if value.dtype.kind == "f" else value
        made.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return made


def ask(service: PredictionService, signature: str, **inputs) -> dict[str, np.ndarray]:
    outputs = service.predict(request(signature, **inputs)).outputs
    return {name: tf.make_ndarray(value) for name, value in outputs.items()}


def noise_png(size: tuple[int, int] = (50, 40), seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    return encode_png(pixels)


def fitted(file: bytes) -> np.ndarray:
    """As in training: float32 [1, H, W, C]."""
    fit = {"image_size": SHAPE[0], "channels": 1, "background": CONFIG["data"]["background"]}
    with tempfile.NamedTemporaryFile() as picture:
        picture.write(file)
        picture.flush()
        return fit_picture(picture.name, **fit)[np.newaxis].astype(np.float32) / 255


def pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file))).astype(float)


# === What it answers ===


def test_numbers_are_the_models(model, service):
    pictures = images(3)
    z_mean, z_log_var = model.encode(pictures)
    encoded = ask(service, "encode", image=pictures)
    np.testing.assert_allclose(encoded["z_mean"], z_mean, atol=1e-5)
    np.testing.assert_allclose(encoded["z_log_var"], z_log_var, atol=1e-5)
    decoded = ask(service, "decode", z=z_mean.numpy())["rendering"]
    np.testing.assert_allclose(decoded, model.decode(z_mean), atol=1e-5)
    again = ask(service, "reconstruct", image=pictures)["rendering"]
    np.testing.assert_allclose(again, model(pictures), atol=1e-5)
    assert np.std(again) > 0.05  # something to compare


def test_the_scene_is_the_models(model, service):
    pictures = images(3)
    expected = model.infer_scene(pictures)
    scene = ask(service, "infer_scene", image=pictures)
    served_as = {name: f"inferred_{name}" if name in VALUES else name for name in expected}
    assert sorted(scene) == sorted(served_as.values())
    assert {*ERRORS, *DOUBTS} < set(scene)
    for name, served in served_as.items():
        np.testing.assert_allclose(scene[served], expected[name], rtol=1e-4, atol=1e-4)


def test_what_is_unlike_the_training_pictures_is_said_to_be_so(model, service):
    """This network, of random weights, draws something like noise, and nothing like black."""
    pictures = np.concatenate([images(1), np.zeros((1, *SHAPE), np.float32)])
    scene = ask(service, "infer_scene", image=pictures)
    assert scene["is_unfamiliar"].tolist() == [False, True]
    assert scene["unfamiliarity"][0] < 1 < scene["unfamiliarity"][1]


def test_without_limits_nothing_is_doubted():
    model = small_model()
    model.calibration = dataclasses.replace(calibration(), familiarity=None)
    scene = ServedModel(model, background=0).infer_scene(tf.constant(images(1)))
    assert set(scene).isdisjoint(DOUBTS)


@pytest.mark.parametrize("signature", ["rerender", "serving_default"])
def test_each_row_is_rerendered_for_itself_and_nan_keeps_its_own(model, service, signature):
    pictures = images(4)
    asked = {"azimuth_deg": [20.0, NAN, -60.0, NAN], "distance_value": [NAN, 2.5, 3.0, NAN]}
    renderings = ask(service, signature, image=pictures, **asked)["rendering"]
    for row, rendering in enumerate(renderings):
        changes = {n: v[row] for n, v in asked.items() if not np.isnan(v[row])}
        expected = model.rerender(pictures[row : row + 1], **changes)[0]
        np.testing.assert_allclose(rendering, expected, atol=1e-5)
    reconstructed = ask(service, "reconstruct", image=pictures)["rendering"]
    np.testing.assert_allclose(renderings[3], reconstructed[3], atol=1e-6)
    assert all(np.abs(renderings[i] - reconstructed[i]).max() > 0.01 for i in range(3))


def test_samples_are_the_priors_and_the_seeds(model, service):
    drawn = ask(service, "sample", seed=np.int32([3, 4]), count=np.int32(5))
    np.testing.assert_array_equal(drawn["z"], standard_normal((5, LATENTS), [3, 4]))
    np.testing.assert_allclose(drawn["rendering"], model.decode(drawn["z"]), atol=1e-5)


def test_files_are_answered_row_by_row(model, service):
    files = [noise_png(), noise_png((30, 90), seed=1)]
    asked = {"azimuth_deg": [30.0, NAN], "distance_value": [NAN, 1.5]}
    answer = ask(service, "rerender_bytes", image_bytes=np.array(files, object), **asked)
    for_http = ask(service, "rerender_rest", image_bytes=np.array(files, object), **asked)
    assert list(answer["rendering_png"]) == list(for_http["rendering_png_bytes"])
    expected = [
        model.rerender(fitted(files[0]), azimuth_deg=30.0),
        model.rerender(fitted(files[1]), distance_value=1.5),
    ]
    for file, rendering in zip(answer["rendering_png"], expected, strict=True):
        np.testing.assert_allclose(pixels(file), 255 * rendering[0, ..., 0], atol=4)
    scene = ask(service, "infer_scene_bytes", image_bytes=np.array(files, object))
    first = model.infer_scene(fitted(files[0]))["azimuth_deg"]
    np.testing.assert_allclose(scene["inferred_azimuth_deg"][:1], first, atol=1)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_float32_whatever_it_was_trained_in(policy):
    model = small_model(policy)
    served = ServedModel(model, background=0)
    pictures = images(2)
    code = served.encode(tf.constant(pictures))["z_mean"]
    exact = float32_copy(model)
    assert code.dtype == tf.float32
    np.testing.assert_allclose(code, exact.encode(pictures)[0], atol=1e-5)
    np.testing.assert_allclose(served.decode(code)["rendering"], exact.decode(code), atol=1e-5)
    assert np.abs(model.encode(pictures)[0] - code).max() > 1e-4  # half precision shows


def test_a_size_that_is_cropped_and_colours():
    """Every kind of layer that a network can have."""
    shape = (24, 21, 3)
    code = GraphicsCode.with_intrinsic(("azimuth", "distance"), 5)
    known = calibration()
    model = tiny_model(code=code, image_shape=shape, step=known.step, calibration=known)
    assert any(layer.name == "crop" for layer in model.decoder.layers)
    served = ServedModel(model, background=0)
    pictures = np.random.default_rng(0).random((2, *shape), np.float32)
    answer = served.reconstruct(tf.constant(pictures))["rendering"]
    np.testing.assert_allclose(answer, model(pictures), atol=1e-6)


def test_a_factor_of_two_latents(tmp_path):
    """In a graph, as it is exported: inferred, and asked for or left as it is."""
    curve = LatentCurve(
        "elevation_deg",
        values=(-20.0, 0.0, 20.0),
        points=((-1.0, 0.0), (0.0, 0.0), (0.0, 2.0)),
        errors=(1.0, 2.0, 3.0),
    )
    known = Calibration({"elevation": curve})
    model = tiny_model(calibration=known)
    served = ServedModel(model, background=0)
    pictures = np.random.default_rng(0).random((2, *served.image_shape), np.float32)
    inferred = tf.function(served.infer_scene)(tf.constant(pictures))["inferred_elevation_deg"]
    expected = model.infer_scene(pictures)["elevation_deg"]
    np.testing.assert_allclose(inferred, expected, atol=1e-3)
    turned = tf.function(served.rerender)(
        tf.constant(pictures), elevation_deg=tf.constant([10.0, NAN])
    )["rendering"]
    np.testing.assert_allclose(
        turned[:1], model.rerender(pictures[:1], elevation_deg=10.0), atol=1e-6
    )
    np.testing.assert_allclose(turned[1:], model(pictures[1:]), atol=1e-6)
    run = small_run(tmp_path / "run", model)
    version = exporting.export_model(run, tmp_path / "export", show=lambda line: None)
    assert "| `elevation_deg` | -20 to 20 | 1 to 3 |" in (version / "model_card.md").read_text()


# === Where it runs ===


ELSEWHERE = """
import sys
for name in ("keras", "tf_keras", "dcign_tf"):
    sys.modules[name] = None  # an import of it fails
version, given, answer = sys.argv[1:]
import numpy as np, tensorflow as tf
signatures = tf.saved_model.load(version).signatures
inputs = {name: tf.constant(value) for name, value in np.load(given).items()}
np.save(answer, signatures["rerender"](**inputs)["rendering"])
from tensorflow.python.tools import saved_model_cli
sys.argv = ["saved_model_cli", "show", f"--dir={version}", "--all"]
saved_model_cli.main()
"""


@pytest.fixture(scope="module")
def elsewhere(version, tmp_path_factory) -> tuple[np.ndarray, str]:
    """An answer, and what `saved_model_cli` shows, where neither Keras nor this package is."""
    folder = tmp_path_factory.mktemp("elsewhere")
    given, answer = folder / "given.npz", folder / "answer.npy"
    np.savez(given, image=images(2), azimuth_deg=np.float32([40, 40]), distance_value=[NAN, NAN])
    command = [sys.executable, "-c", ELSEWHERE, version, given, answer]
    options = {"capture_output": True, "text": True, "timeout": 900}
    shown = subprocess.run(command, check=True, cwd=folder, **options).stdout
    return np.load(answer), shown


def test_answers_where_neither_keras_nor_this_package_is(model, elsewhere):
    answer, _ = elsewhere
    np.testing.assert_allclose(answer, model.rerender(images(2), azimuth_deg=40.0), atol=1e-5)


def test_signatures_by_saved_model_cli(elsewhere):
    _, shown = elsewhere
    # Beside them it shows the functions that they are made of.
    listed, _, _ = shown.partition("Concrete Functions:")
    parts = re.split(r"signature_def\['(\w+)'\]:", listed)[1:]
    found = {
        name: [
            (place, tensor, dtype, shape)
            for place, tensor, dtype, shape in re.findall(
                r"(inputs|outputs)\['(\w+)'\] tensor_info:\s+dtype: (\w+)\s+shape: (\S.*)", text
            )
        ]
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }
    size = ", ".join(map(str, SHAPE))
    image = ("inputs", "image", "DT_FLOAT", f"(-1, {size})")
    file = ("inputs", "image_bytes", "DT_STRING", "(-1)")
    values = [("inputs", name, "DT_FLOAT", "(-1)") for name in VALUES]
    rendering = ("outputs", "rendering", "DT_FLOAT", f"(-1, {size})")
    scene = [
        *(("outputs", f"inferred_{name}", "DT_FLOAT", "(-1)") for name in VALUES),
        *(("outputs", name, "DT_FLOAT", "(-1)") for name in (*ERRORS, "unfamiliarity")),
        ("outputs", "is_unfamiliar", "DT_BOOL", "(-1)"),
        ("outputs", "intrinsic", "DT_FLOAT", f"(-1, {LATENTS - len(VALUES)})"),
    ]
    code = [("outputs", n, "DT_FLOAT", f"(-1, {LATENTS})") for n in ("z_log_var", "z_mean")]
    expected = {
        "encode": [image, *code],
        "decode": [("inputs", "z", "DT_FLOAT", f"(-1, {LATENTS})"), rendering],
        "reconstruct": [image, rendering],
        "infer_scene": [image, *scene],
        "rerender": [*values, image, rendering],
        "serving_default": [*values, image, rendering],
        "sample": [
            ("inputs", "count", "DT_INT32", "()"),
            ("inputs", "seed", "DT_INT32", "(2)"),
            rendering,
            ("outputs", "z", "DT_FLOAT", f"(-1, {LATENTS})"),
        ],
        "infer_scene_bytes": [file, *scene],
        "rerender_bytes": [*values, file, ("outputs", "rendering_png", "DT_STRING", "(-1)")],
        "rerender_rest": [*values, file, ("outputs", "rendering_png_bytes", "DT_STRING", "(-1)")],
    }
    found.pop("__saved_model_init_op")
    assert {n: sorted(own) for n, own in found.items()} == {
        n: sorted(own) for n, own in expected.items()
    }


def given_to(signature: str) -> dict[str, np.ndarray]:
    """Three rows of inputs."""
    if signature == "decode":
        return {"z": np.random.default_rng(1).normal(size=(3, LATENTS)).astype(np.float32)}
    asked = {"azimuth_deg": [30, NAN, -60], "distance_value": [NAN, 1.25, 3]}
    values = asked if signature == "rerender" else {}
    return {"image": images(3), **{n: np.float32(value) for n, value in values.items()}}


def check_same(answer, expected: dict[str, np.ndarray]) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(answer[name], value, rtol=1e-4, atol=1e-4)


CONVERTED = [
    "rerender",  # which encodes, decodes and reads
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("encode", "decode", "infer_scene")),
]


@pytest.mark.parametrize("signature", CONVERTED)
def test_openvino_says_the_same(version, service, tmp_path, signature):
    openvino = pytest.importorskip("openvino")
    # It reads the default signature alone.
    copy = shutil.copytree(version, tmp_path / "copy")
    file = copy / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    signatures = saved.meta_graphs[0].signature_def
    signatures["serving_default"].CopyFrom(signatures[signature])
    file.write_bytes(saved.SerializeToString())
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(copy, "CPU", settings)
    given = given_to(signature)
    check_same(compiled(given), ask(service, signature, **given))


@pytest.mark.parametrize("signature", CONVERTED)
def test_tensorflow_lite_says_the_same(version, service, signature):
    """With its own operations alone, as it runs on a phone."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(version), signature_keys=[signature])
    converted = tf.lite.Interpreter(model_content=converter.convert())
    given = given_to(signature)
    answer = converted.get_signature_runner(signature)(**given)
    check_same(answer, ask(service, signature, **given))


# === What it says to a wrong request ===

ONE = {"azimuth_deg": [NAN], "distance_value": [NAN]}


HUGE_CODES = np.random.default_rng(0).choice(np.float32([-3e38, 3e38]), (8, LATENTS))


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("encode", {"image": np.zeros((1, 40, 37, 1))}, r"\[1,40,37,1\].* expected"),
        ("encode", {"image": np.zeros((1, 74, 74, 1))}, r"\[1,74,74,1\].* expected"),
        ("encode", {"image": np.zeros(SHAPE)}, r"\[37,37,1\] is not compatible with expected"),
        ("encode", {"image": np.zeros((0, *SHAPE))}, "image has no rows"),
        (
            "encode",
            {"image": np.full((1, *SHAPE), 255.0)},
            "values 255 to 255; they must be 0 to 1",
        ),
        (
            "reconstruct",
            {"image": np.where(np.arange(37)[:, None] == 9, NAN, images(2))},
            "must be 0 to 1",
        ),
        ("decode", {"z": np.zeros((2, LATENTS + 1))}, r"\[2,7\] is not compatible with expected"),
        ("decode", {"z": np.zeros((0, LATENTS))}, "z has no rows"),
        ("decode", {"z": [[0.0] * (LATENTS - 1) + [NAN]]}, "z has values that are no finite"),
        ("rerender", {"azimuth_deg": [61.0]}, r"azimuth_deg: \[61\] is outside .* -60 to 60"),
        (
            "rerender",
            {"distance_value": [-np.inf]},
            r"\[-inf\] is outside .* 1 to 3",
        ),
        ("rerender", {"azimuth_deg": [1.0, 2.0]}, "azimuth_deg has 2 values for 1 pictures"),
        ("rerender", {"azimuth_deg": [[1.0]]}, r"\[1,1\] is not compatible with expected"),
        ("rerender_bytes", {"image_bytes": [b"a text"]}, "row 0 is neither a PNG nor a JPEG"),
        ("rerender_bytes", {"image_bytes": [noise_png()[:99]]}, "Invalid PNG"),
        ("rerender_bytes", {"azimuth_deg": [-61.0]}, r"\[-61\] is outside .* -60 to 60"),
        ("infer_scene_bytes", {"image_bytes": b"a text"}, "not compatible with expected"),
        ("infer_scene_bytes", {"image_bytes": np.array([], object)}, "image has no rows"),
        (
            "decode",
            {"z": HUGE_CODES},
            "so large that nothing can",
        ),
        ("sample", {"count": np.int32(0)}, "count is 0; it must be 1 to"),
        ("sample", {"count": np.int32(MOST_SAMPLES + 1)}, "it must be 1 to 1,000"),
        ("sample", {"seed": np.int32([1])}, r"\[1\] is not compatible with expected"),
    ],
)
def test_a_wrong_request_fails_and_says_why(service, signature, inputs, message):
    defaults = {
        "rerender": {"image": images(1), **ONE},
        "rerender_bytes": {"image_bytes": np.array([noise_png()], object), **ONE},
        "sample": {"seed": np.int32([1, 2]), "count": np.int32(1)},
    }
    if signature in defaults:
        ask(service, signature, **defaults[signature])  # nothing else is wrong
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        ask(service, signature, **defaults.get(signature, {}) | inputs)


def test_what_is_wrong_with_the_example_clients_arguments(client_module, tmp_path, capsys):
    picture = tmp_path / "face.png"
    assert client_module.main([str(picture)]) == 1
    assert capsys.readouterr().err == f"{picture}: No such file or directory\n"
    assert client_module.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: Is a directory\n"
    picture.write_bytes(b"")
    for wrong in ("azimuth_deg=x", "azimuth_deg", "azimuth_deg=8_0", "azimuth_deg=inf"):
        with pytest.raises(SystemExit):
            client_module.main([str(picture), wrong])
        assert f"{wrong} is no value; give one such as" in capsys.readouterr().err


def test_the_example_client(client_module, service, model, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # where nobody answers
    picture, turned = tmp_path / "face.png", tmp_path / "turned.png"
    picture.write_bytes(noise_png())
    with serving(service) as address:
        assert client_module.Client(address).values == sorted(VALUES)
        asked = [str(picture), f"--server={address}"]
        assert client_module.main(asked) == 0
        told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
        assert float(told["azimuth_error_deg"]) == pytest.approx(
            float(model.infer_scene(fitted(noise_png()))["azimuth_error_deg"][0]), abs=0.02
        )
        assert told["is_unfamiliar"] == "False"
        assert client_module.main([*asked, "azimuth_deg=30", f"--output={turned}"]) == 0
        expected = model.rerender(fitted(noise_png()), azimuth_deg=30.0)[0, ..., 0]
        np.testing.assert_allclose(pixels(turned.read_bytes()), 255 * expected, atol=4)
        turned.unlink()
        with pytest.raises(SystemExit):
            client_module.main([*asked, "azimut_deg=30", f"--output={turned}"])
        assert "unknown: azimut_deg; there is azimuth_deg" in capsys.readouterr().err
        assert client_module.main([*asked, "azimuth_deg=99", f"--output={turned}"]) == 1
        assert "INVALID_ARGUMENT" in (error := capsys.readouterr().err)
        assert "-60 to 60" in error
        assert error.count("\n") == 1
        assert not turned.exists()
        picture.write_text("not a picture")
        assert client_module.main(asked) == 1
        assert "neither a PNG nor a JPEG" in capsys.readouterr().err


def test_200_requests_at_once_good_and_bad(service, model):
    """Each gets its own answer, and the server lives."""
    files = [noise_png((40 + i, 60 - i), seed=i) for i in range(10)]
    bad = [
        request("rerender_bytes", image_bytes=[b"junk"], **ONE),
        request("rerender_bytes", image_bytes=[files[0][:-30]], **ONE),
        request("rerender", image=images(1), **ONE | {"azimuth_deg": [80.0]}),
        request("encode", image=np.zeros((1, 5, 5, 1))),
        request("rerender", image=images(1)),
    ]
    azimuths = np.linspace(-60, 60, 20, dtype=np.float32)
    good = [(i, j) for i in range(10) for j in range(20) if (i + j) % 2]
    pictures = np.concatenate([fitted(files[i]) for i, _ in good])
    renderings = model.rerender(pictures, azimuth_deg=azimuths[[j for _, j in good]])
    expected = dict(zip(good, 255 * renderings.numpy()[..., 0], strict=True))
    with serving(service) as address, grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        waiting = {
            (i, j): stub.Predict.future(
                request("rerender_bytes", image_bytes=[file], **ONE | {"azimuth_deg": [azimuth]})
                if (i, j) in expected
                else bad[(i + j) // 2 % len(bad)],
                timeout=120,
            )
            for i, file in enumerate(files)
            for j, azimuth in enumerate(azimuths)
        }
        assert len(waiting) == 200
        for key, call in waiting.items():
            if key in expected:
                (file,) = call.result().outputs["rendering_png"].string_val
                np.testing.assert_allclose(pixels(file), expected[key], atol=4)
            else:
                assert call.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert stub.Predict(request("encode", image=images(1)), timeout=60).outputs


# === What lies beside it ===


def test_warm_up_requests_are_answered(version, service):
    file = version / WARMUP_FILE
    assert file.relative_to(version).as_posix() == "assets.extra/tf_serving_warmup_requests"
    warmed = []
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        service.predict(log.predict_log.request)
        warmed.append(log.predict_log.request.model_spec.signature_name)
    assert sorted(warmed) == sorted(set(service.signatures) - {"sample"})


def test_model_card_and_config(run, version, tmp_path):
    assert json.loads((version / "config.json").read_text()) == CONFIG
    card = (version / "model_card.md").read_text()
    for text in ("| `azimuth_deg` | -60 to 60 | 3 to 5 |", "`rerender_bytes`", "grey level 40"):
        assert text in card
    assert "Not evaluated at this step" in card
    assert f"{calibration().step} steps" in card


def test_files_are_cut_as_the_pictures_trained_on_were(run, tmp_path, quick_save, monkeypatch):
    copy, made = type(run)(shutil.copytree(run.path, tmp_path / "run")), []
    data = {**CONFIG["data"], "fit": "cover"}
    copy.config_file.write_text(json.dumps({**CONFIG, "data": data}))
    monkeypatch.setattr(
        exporting, "ServedModel", lambda *a, **k: made.append(ServedModel(*a, **k)) or made[0]
    )
    version = exporting.export_model(copy, tmp_path / "out", show=lambda line: None)
    pixels = np.random.default_rng(0).integers(0, 256, (90, 37, 1), np.uint8)
    read = made[0]._decoded(tf.constant([encode_png(pixels)])).numpy()
    np.testing.assert_array_equal(np.round(255 * read[0]), pixels[26:63])
    card = " ".join((version / "model_card.md").read_text().split())
    assert "cut to the square in the middle of them, transparency before grey level 40" in card


def test_scores_of_other_weights_are_left_out(run, tmp_path, quick_save):
    copy = type(run)(shutil.copytree(run.path, tmp_path / "run"))
    copy.evaluation.mkdir()
    scores = {"schema_version": SCHEMA_VERSION, "step": 1 + calibration().step}
    (copy.evaluation / "scores.json").write_text(json.dumps(scores))
    version = exporting.export_model(copy, tmp_path / "out", show=lambda line: None)
    assert "Not evaluated at this step" in (version / "model_card.md").read_text()


def test_server_configs_are_what_the_server_reads():
    for file in (ROOT / "docs/serving").glob("*.config"):
        config = text_format.Parse(file.read_text(), model_server_config_pb2.ModelServerConfig())
        (entry,) = config.model_config_list.config
        assert entry.name == "dcign"
        assert entry.model_version_policy.WhichOneof("policy_choice")


# === Versions ===


def contents(directory: pathlib.Path) -> dict[str, str]:
    return {
        str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def signatures(version) -> dict:
    return dict(tf.saved_model.load(str(version)).signatures)


@pytest.fixture
def quick_save(monkeypatch, signatures):
    """Traces and writes no graph: these tests are about directories."""
    monkeypatch.setattr(ServedModel, "signatures", lambda served: signatures)
    monkeypatch.setattr(
        tf.saved_model,
        "save",
        lambda served, path, signatures: pathlib.Path(path, "saved_model.pb").write_text(
            "graph", encoding="utf-8"
        ),
    )


def test_a_rerun_makes_the_next_version_and_leaves_the_others(run, tmp_path, quick_save):
    lines = []
    first = exporting.export_model(run, tmp_path / "new" / "out", show=lines.append)
    assert first == tmp_path / "new" / "out" / "1"
    before = contents(first)
    (first.parent / "9").mkdir()
    (first.parent / "ten").mkdir()
    assert not any("can be read by" in line for line in lines)
    umask = os.umask(0o077)
    try:
        second = exporting.export_model(run, first.parent, show=lines.append)
    finally:
        os.umask(umask)
    assert second == first.parent / "10"
    assert lines[-1] == (
        "It can be read by its owner (mode 700); for a server of another user:"
        f" chmod -R a+rX {first.parent}"
    )
    assert contents(first) == before
    assert any(str(first) in line for line in lines)


def test_what_failed_leaves_nothing(run, tmp_path, quick_save, monkeypatch):
    def full(path, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(exporting, "write_json", full)
    with pytest.raises(UserError, match="No space left"):
        exporting.export_model(run, tmp_path / "out")
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == [".lock"]


def test_a_disk_that_is_full_at_the_warmup_requests(run, tmp_path, quick_save, monkeypatch):
    def full(*_):
        told = "{{function_node __SaveV2_device_/job:a}} No space left on device [Op:SaveV2]"
        raise tf.errors.ResourceExhaustedError(None, None, told)

    monkeypatch.setattr(exporting, "write_warmup_requests", full)
    with pytest.raises(UserError, match=r"Cannot write .*/1: No space left on device\.$"):
        exporting.export_model(run, tmp_path / "out")
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == [".lock"]


def test_a_killed_exports_remains_are_cleared(run, tmp_path, quick_save):
    (tmp_path / ".aside-1" / "variables").mkdir(parents=True)
    version = exporting.export_model(run, tmp_path, show=lambda line: None)
    assert sorted(e.name for e in tmp_path.iterdir()) == [".lock", "1"]
    assert not (version / "variables").exists()


def test_two_at_once_are_two_versions(run, tmp_path, quick_save):
    made = []
    threads = [
        threading.Thread(
            target=lambda: made.append(
                exporting.export_model(run, tmp_path, show=lambda line: None)
            )
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in made) == ["1", "2", "3"]


def test_an_output_that_cannot_be_made(run, tmp_path, quick_save):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        exporting.export_model(run, tmp_path / "file")


# === Models that are not calibrated ===


def test_a_model_that_is_not_calibrated(model, tmp_path):
    model = small_model()
    model.calibration = None
    run = small_run(tmp_path / "run", model)
    with pytest.raises(UserError, match=r"evaluate --workdir=.*run --checkpoint=last"):
        exporting.export_model(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_factor_that_is_not_calibrated_is_left_out(tmp_path, quick_save):
    model = small_model()
    silent = FactorCalibration(
        "distance_value", (0.0, 1.0), (2.0, 2.0), (1.0, 1.0), reason="its latent tells nothing"
    )
    model.calibration = calibration(distance=silent)
    lines = []
    version = exporting.export_model(
        small_run(tmp_path / "run", model), tmp_path / "out", show=lines.append
    )
    assert any("distance_value is not calibrated: its latent tells nothing" in s for s in lines)
    assert "its latent tells nothing" in (version / "model_card.md").read_text()
    scene = ServedModel(model, background=0).infer_scene(tf.constant(images(1)))
    assert set(scene) == {"inferred_azimuth_deg", "azimuth_error_deg", "intrinsic", *DOUBTS}


def test_an_angle_that_goes_round(model):
    model = small_model()
    circle = FactorCalibration(
        "azimuth_deg", (-2.0, 2.0), (0.0, 359.0), (1.0, 1.0), (0.0, 360.0), (-2.0, 2.0), 360.0
    )
    model.calibration = calibration(azimuth=circle)
    served = ServedModel(model, background=0)
    nan = tf.constant([NAN])
    turned = [
        served.rerender(tf.constant(images(1)), azimuth_deg=tf.constant([a]), distance_value=nan)
        for a in (-90.0, 270.0, 990.0)
    ]
    for other in turned[1:]:
        np.testing.assert_allclose(other["rendering"], turned[0]["rendering"], atol=1e-5)
    with pytest.raises(ValueError, match="outside"):
        served.rerender(
            tf.constant(images(1)), azimuth_deg=tf.constant([np.inf]), distance_value=nan
        )


def test_latents_that_evaluation_found_elsewhere():
    """An entangled network's."""
    model = small_model()
    model.calibration = dataclasses.replace(calibration(), latents={"azimuth": (4,)})
    served = ServedModel(model, background=0)
    z = model.encode(images(2))[0].numpy()
    scene = served.infer_scene(tf.constant(images(2)))
    np.testing.assert_allclose(scene["inferred_azimuth_deg"], 30 * z[:, 4].clip(-2, 2), rtol=1e-4)
    assert scene["intrinsic"].shape == (2, 4)


def test_names_of_inputs():
    names = ["azimuth_deg", "Höhe (m)", "Höhe [m]", "2nd", "a b"]
    assert input_names(names) == ["azimuth_deg", "H_he__m_", "H_he__m__", "value_2nd", "a_b"]
