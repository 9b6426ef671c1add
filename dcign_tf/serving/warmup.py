"""Requests that TensorFlow Serving answers to itself before it serves a version.

    assets.extra/tf_serving_warmup_requests   TFRecords of PredictionLog

So the first real request does not pay for what TensorFlow sets up at a first run.
One that failed would keep the server from loading the version; so all are of one row,
which any batching parameters admit, and `sample` is not among them, whose inputs have
no batch to merge.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

WARMUP_FILE = pathlib.Path("assets.extra") / "tf_serving_warmup_requests"


def write_warmup_requests(directory: pathlib.Path, signatures: Mapping[str, Any]) -> None:
    """Writes a request for each signature whose inputs have a batch.

    Args:
        directory: of the SavedModel.
        signatures: name to concrete function.
    """
    file = directory / WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(os.fspath(file)) as writer:
        for name, function in signatures.items():
            specs = input_specs(function)
            if all(spec.shape.rank and spec.shape[0] is None for spec in specs.values()):
                inputs = {arg: tf.make_tensor_proto(_example(spec)) for arg, spec in specs.items()}
                request = predict_pb2.PredictRequest(
                    model_spec={"signature_name": name}, inputs=inputs
                )
                entry = prediction_log_pb2.PredictionLog(predict_log={"request": request})
                writer.write(entry.SerializeToString())


def input_specs(function) -> dict[str, tf.TensorSpec]:
    """The inputs of a concrete function, by name."""
    args, kwargs = function.structured_input_signature
    return {spec.name: spec for spec in (*args, *kwargs.values())}


def _example(spec: tf.TensorSpec) -> np.ndarray:
    """An input of one row that any model answers to."""
    if spec.dtype == tf.string:
        return np.array([tf.io.encode_png(np.zeros((1, 1, 1), np.uint8)).numpy()], object)
    shape = [size or 1 for size in spec.shape]
    # A value of the scene is left as it is: 0 may be out of its range.
    return np.full(shape, np.nan if len(shape) == 1 else 0, np.float32)
