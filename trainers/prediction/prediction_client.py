"""Requests to TensorFlow Serving over gRPC."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    prediction_service_pb2_grpc,
)

from trainers.errors import TrainingError, UserError
from trainers.prediction import rejected
from trainers.prediction.rejected import RefusedError
from trainers.serving import server_files
from trainers.serving.serving_signatures import NAMES, TRAINING_DATA

__all__ = ["PredictionClient"]

_RETRIES = {
    "maxAttempts": 5,
    "initialBackoff": "0.5s",
    "maxBackoff": "10s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_OPTIONS = (
    (
        "grpc.service_config",
        json.dumps(
            {
                "methodConfig": [
                    {
                        "name": [{"service": "tensorflow.serving.PredictionService"}],
                        "retryPolicy": _RETRIES,
                    }
                ]
            }
        ),
    ),
    # A request that does not fit into the buffer would not be tried again.
    ("grpc.per_rpc_retry_buffer_size", 2**31 - 1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)


class PredictionClient:
    """One version of a model on a server; a context manager that closes the connection.

    A request that finds the server unavailable is tried five times, after growing pauses; one
    whose connection is lost waits for the next, both no longer than `timeout`.

    Args:
        server: `host:port` of the gRPC interface.
        model: Name of the model.
        version: Version; None for the one that the server answers with now. It is kept, so that
            all answers come from one version.
        timeout: Most time that an answer may take, s. Default 60.

    Attributes:
        version: The version that answers.
        signatures: Its entry points by name.

    Raises:
        UserError: if the server has no such model or version.
        TrainingError: if the server cannot be reached or does not answer.
    """

    def __init__(
        self, server: str, model: str, version: int | None = None, *, timeout: float = 60.0
    ):
        self._server, self._model, self._timeout = server, model, timeout
        self.version = version
        self._has_answered = False
        self._channel = grpc.insecure_channel(server, options=_OPTIONS)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        try:
            self.version, self.signatures = self._metadata()
        except BaseException:
            self._channel.close()
            raise

    def __enter__(self) -> PredictionClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature by name.

        Args:
            signature: Its name.
            inputs: Batch of each input by name.

        Raises:
            RefusedError: if the model cannot take the inputs.
            UserError: if the server does not have the version, or it has no such signature.
            TrainingError: if the server cannot be reached or does not answer.
        """
        request = server_files.predict_request(self._model, signature, inputs)
        self._name_version(request.model_spec)
        response = self._answer(self._stub.Predict, request, wait_for_ready=True)
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def names(self) -> dict[str, list[str]]:
        """Returns the names along the last axis of outputs; none if the server has none."""
        return {
            output: [name.decode() for name in names]
            for output, names in self._constants(NAMES).items()
        }

    def training_data(self) -> dict[str, Any]:
        """Returns the training data as the model card has them; empty if the server has none."""
        constants = self._constants(TRAINING_DATA)
        return json.loads(constants["json"].item()) if constants else {}

    def _constants(self, signature: str) -> dict[str, np.ndarray]:
        if signature not in self.signatures:
            return {}
        try:
            return self.predict(signature, {})
        except RefusedError:  # A server that puts requests into batches needs inputs.
            return {}

    def _metadata(self) -> tuple[int, dict[str, meta_graph_pb2.SignatureDef]]:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self._model
        self._name_version(request.model_spec)
        response = self._answer(self._stub.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return response.model_spec.version.value, dict(signatures.signature_def)

    def _name_version(self, spec: model_pb2.ModelSpec) -> None:
        if self.version is not None:
            spec.version.value = self.version

    def _answer(self, method: Callable[..., Any], request: Any, **options: Any) -> Any:
        try:
            answer = method(request, timeout=self._timeout, **options)
        except grpc.RpcError as error:
            raise self._error(error.code(), rejected.reason(error.details())) from None
        self._has_answered = True
        return answer

    def _error(self, code: grpc.StatusCode, details: str) -> Exception:
        if code == grpc.StatusCode.INVALID_ARGUMENT:
            return RefusedError(f"the server refuses it: {details}")
        version = "" if self.version is None else f" in version {self.version}"
        if code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION):
            return UserError(
                f"server {self._server} does not have '{self._model}'{version}: {details}"
            )
        late = code == grpc.StatusCode.DEADLINE_EXCEEDED
        if code == grpc.StatusCode.UNAVAILABLE or (late and not self._has_answered):
            return TrainingError(f"server {self._server} cannot be reached: {details}")
        if late:
            return TrainingError(
                f"server {self._server} gave no answer within {self._timeout:g} s; `timeout` "
                "allows more, and a smaller `batch_size` asks for less"
            )
        return TrainingError(f"server {self._server}: {code.name}: {details}")
