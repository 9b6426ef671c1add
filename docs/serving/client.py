"""A gRPC client of TensorFlow Serving: what a picture shows, and the picture turned and relit.

    pip install tensorflow-serving-api
    python docs/serving/client.py face.png
    python docs/serving/client.py face.png azimuth_deg=30 light_azimuth_deg=-40 --output=turned.png

Needs nothing of dcign_tf. Which values there are, it asks the server.
"""

from __future__ import annotations

import argparse
import math
import pathlib
import re
import sys
from collections.abc import Mapping, Sequence

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

_TIMEOUT_S = 30
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)  # Python takes 8_0, too


class Client:
    """A served model as functions of picture files.

    Each raises grpc.RpcError: INVALID_ARGUMENT if a file or a value is wrong; its
    `details()` say what.

    Args:
        server: host and port of gRPC, e.g. `localhost:8500`.
        model: its name on the server.
    """

    def __init__(self, server: str, model: str = "dcign"):
        # A proxy (http_proxy) knows no way to this computer.
        options = [("grpc.enable_http_proxy", 0)] if _is_here(server) else []
        channel = grpc.insecure_channel(server, options)
        self._model = model
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._inputs = self._signature_inputs("rerender_bytes")

    @property
    def values(self) -> list[str]:
        """Names of the values that can be asked for, such as `azimuth_deg`."""
        return [name for name in self._inputs if name != "image_bytes"]

    def infer_scene(self, files: Sequence[bytes]) -> dict[str, np.ndarray]:
        """What PNG or JPEG files show, each [B] but for `intrinsic`, the latents of who it is.

        `inferred_azimuth_deg`, `azimuth_error_deg`, …; and, where the model has limits, whether
        a picture is unlike those that it knows, so that the rest means little: `is_unfamiliar`.
        """
        return self._predict("infer_scene_bytes", {"image_bytes": np.array(files, object)})

    def rerender(self, files: Sequence[bytes], **values: Sequence[float]) -> list[bytes]:
        """PNG files of the same objects with other values; NaN keeps a picture's own.

        Args:
            files: PNG or JPEG.
            **values: names to one number a file.
        """
        kept = {name: np.full(len(files), math.nan, np.float32) for name in self.values}
        given = {name: np.asarray(value, np.float32) for name, value in values.items()}
        inputs = {"image_bytes": np.array(files, object), **kept, **given}
        return list(self._predict("rerender_bytes", inputs)["rendering_png"])

    def _predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._stub.Predict(request, timeout=_TIMEOUT_S)
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def _signature_inputs(self, signature: str) -> list[str]:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self._model
        response = self._stub.GetModelMetadata(request, timeout=_TIMEOUT_S)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return sorted(signatures.signature_def[signature].inputs)


def _is_here(server: str) -> bool:
    host = server.rpartition(":")[0].strip("[]")
    return host in ("localhost", "::1") or host.startswith("127.")


def _path(text: str) -> pathlib.Path:
    return pathlib.Path(text).expanduser()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs as the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(description="Asks a served model about a picture.")
    parser.add_argument("picture", type=_path, help="a PNG or JPEG file")
    parser.add_argument("values", nargs="*", help="such as azimuth_deg=30")
    parser.add_argument("--output", type=_path, help="PNG to write, with these values")
    parser.add_argument("--server", default="localhost:8500", help="host and port of gRPC")
    parser.add_argument("--model", default="dcign", help="its name on the server")
    args = parser.parse_intermixed_args(arguments)
    values = {}
    for given in args.values:
        name, _, number = given.partition("=")
        if not _NUMBER.fullmatch(number):
            parser.error(f"{given} is no value; give one such as azimuth_deg=30")
        values[name] = [float(number)]
    try:
        files = [args.picture.read_bytes()]
        client = Client(args.server, args.model)
        if args.output:
            unknown = sorted({*values} - {*client.values})
            if unknown:
                parser.error(f"unknown: {', '.join(unknown)}; there is {', '.join(client.values)}")
            args.output.write_bytes(client.rerender(files, **values)[0])
        elif values:
            parser.error("values need --output, the picture to write")
        else:
            for name, value in sorted(client.infer_scene(files).items()):
                shown = (str(n) if value.dtype == bool else f"{n:.2f}" for n in value.flat)
                print(f"{name:32}" + ", ".join(shown))
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except grpc.RpcError as error:
        details = (error.details() or "").splitlines()
        print(": ".join([error.code().name, *details[:1]]), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
