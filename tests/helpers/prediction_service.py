"""TensorFlow Serving's `PredictionService` over a SavedModel: its stand-in, not itself.

It takes the way that the server takes: the graph of the version's directory in a C++
session, fed and fetched by the tensors that the signature names. Requests are not
merged into batches.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from concurrent import futures

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers with one version of a model.

    Args:
        version: directory of the SavedModel.
    """

    def __init__(self, version: pathlib.Path):
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self._session, ["serve"], str(version))
        # Beside the signatures stands the operation that initialises the graph.
        self.signatures = {n: s for n, s in loaded.signature_def.items() if s.inputs}
        self._runs = {name: self._callable(name) for name in self.signatures}

    def Predict(self, request, context):
        try:
            return self.predict(request)
        except tf.errors.OpError as error:
            context.abort(_CODES[error.error_code], error.message)

    def GetModelMetadata(self, request, context):
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=self.signatures)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.metadata["signature_def"].Pack(signatures)
        return response

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Raises tf.errors.OpError, as the server's own checks and the graph do."""
        name = request.model_spec.signature_name or "serving_default"
        if name not in self.signatures:
            raise tf.errors.FailedPreconditionError(None, None, f"No signature {name}.")
        inputs = self.signatures[name].inputs
        if set(request.inputs) != set(inputs):
            raise tf.errors.InvalidArgumentError(None, None, f"{name} needs {sorted(inputs)}.")
        for arg, info in inputs.items():
            if request.inputs[arg].dtype != info.dtype:
                raise tf.errors.InvalidArgumentError(None, None, f"{arg} has another dtype.")
        feeds = [tf.make_ndarray(request.inputs[arg]) for arg in sorted(inputs)]
        response = predict_pb2.PredictResponse()
        outputs = sorted(self.signatures[name].outputs)
        for output, value in zip(outputs, self._runs[name](*feeds), strict=True):
            response.outputs[output].CopyFrom(tf.make_tensor_proto(value))
        return response

    def _callable(self, name: str):
        signature = self.signatures[name]
        # Not Session.run, which would check shapes in Python before the graph does.
        return self._session._make_callable_from_options(
            config_pb2.CallableOptions(
                feed=[signature.inputs[arg].name for arg in sorted(signature.inputs)],
                fetch=[signature.outputs[out].name for out in sorted(signature.outputs)],
            )
        )


@contextlib.contextmanager
def serving(service: PredictionService) -> Iterator[str]:
    """Serves on a free port of this machine; gives its address."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
