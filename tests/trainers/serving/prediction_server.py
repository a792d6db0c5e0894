"""A server with TensorFlow Serving's interfaces, for want of its binary.

It implements the `PredictionService` of `tensorflow-serving-api` and the row format of the REST
interface over `served_models`; what is batched, reloaded or measured by the real one is left out.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent import futures
from http import server as http
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.trainers.serving.served_models import RequestError, ServedModels, status_of

__all__ = ["PredictionServer", "rest_answer", "serve", "serve_rest"]

_URL = re.compile(r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?:predict")


class PredictionServer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata.

    Args:
        models: What is served.

    Attributes:
        fail_next: Requests that find the server unavailable before it answers again.
        pause: Time that each answer to `Predict` takes, s.
        fail_after: Answers after which it has no memory left; None for never.
        answered: Signature, version and number of rows of each answer to `Predict`.
    """

    def __init__(self, models: ServedModels):
        self.models = models
        self.fail_next = 0
        self.pause = 0.0
        self.fail_after: int | None = None
        self.answered: list[tuple[str, int, int]] = []

    def Predict(self, request, context):  # noqa: N802
        self._perhaps_fail(context)
        time.sleep(self.pause)
        response = predict_pb2.PredictResponse()
        try:
            servable = self.models.find(request.model_spec)
            inputs = {name: _array(value) for name, value in request.inputs.items()}
            outputs = servable.run(
                request.model_spec.signature_name, inputs, tuple(request.output_filter)
            )
        except (RequestError, tf.errors.OpError) as error:
            context.abort(*status_of(error))
        _name(response.model_spec, request, servable.version)
        response.model_spec.signature_name = request.model_spec.signature_name or "serving_default"
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        rows = len(next(iter(outputs.values())))
        self.answered.append((response.model_spec.signature_name, servable.version, rows))
        return response

    def GetModelMetadata(self, request, context):  # noqa: N802
        self._perhaps_fail(context)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        for field in request.metadata_field:
            if field != "signature_def":
                message = f"Metadata field {field} is not supported"
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
        try:
            servable = self.models.find(request.model_spec)
        except RequestError as error:
            context.abort(*status_of(error))
        _name(response.model_spec, request, servable.version)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in servable.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response.metadata["signature_def"].Pack(signatures)
        return response

    def _perhaps_fail(self, context) -> None:
        if self.fail_next > 0:
            self.fail_next -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "the server is being restarted")
        if self.fail_after is not None and len(self.answered) >= self.fail_after:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no memory left")


@contextlib.contextmanager
def serve(models: ServedModels, port: int = 0) -> Iterator[tuple[str, PredictionServer]]:
    """Serves over gRPC on this machine.

    Args:
        models: What is served.
        port: Default any that is free.

    Yields:
        `host:port`, and the servicer.
    """
    servicer = PredictionServer(models)
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    running = grpc.server(futures.ThreadPoolExecutor(4), options=unlimited)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, running)
    port = running.add_insecure_port(f"127.0.0.1:{port}")
    running.start()
    try:
        yield f"127.0.0.1:{port}", servicer
    finally:
        running.stop(None).wait()


@contextlib.contextmanager
def serve_rest(models: ServedModels) -> Iterator[str]:
    """Serves over HTTP on this machine; yields `http://host:port`."""

    class Handler(http.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = rest_answer(models, self.path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    running = http.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def rest_answer(models: ServedModels, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Returns status and body of the answer to a POST.

    Args:
        models: What is served.
        path: Of the URL.
        body: JSON with `instances` and, unless it is the default one, `signature_name`.
    """
    match = _URL.fullmatch(path)
    if not match:
        return 404, {"error": f"Malformed request: POST {path}"}
    spec = model_pb2.ModelSpec(name=match["name"])
    if match["version"]:
        spec.version.value = int(match["version"])
    try:
        request = json.loads(body)
        servable = models.find(spec)
        name = request.get("signature_name", "serving_default")
        infos = servable.signatures[name].inputs if name in servable.signatures else {}
        rows = [
            row if isinstance(row, dict) and "b64" not in row else {next(iter(infos), ""): row}
            for row in request["instances"]
        ]
        inputs = {
            key: _tensor([row[key] for row in rows], tf.as_dtype(info.dtype))
            for key, info in infos.items()
        }
        outputs = {key: value.tolist() for key, value in servable.run(name, inputs).items()}
    except (RequestError, tf.errors.OpError) as error:
        code, message = status_of(error)
        return 404 if code == grpc.StatusCode.NOT_FOUND else 400, {"error": message}
    except (KeyError, TypeError, ValueError) as error:
        return 400, {"error": f"cannot read the request: {error!r}"}
    if len(outputs) == 1:
        return 200, {"predictions": next(iter(outputs.values()))}
    rows = zip(*outputs.values(), strict=True)
    return 200, {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}


def _name(spec: model_pb2.ModelSpec, request: Any, version: int) -> None:
    spec.name = request.model_spec.name
    spec.version.value = version


def _array(value: Any) -> np.ndarray:
    try:
        return tf.make_ndarray(value)
    except (TypeError, ValueError) as error:
        message = f"tensor parsing error: {error}"
        raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, message) from error


def _tensor(values: list[Any], dtype: tf.DType) -> np.ndarray:
    if dtype == tf.string:
        decoded = [
            base64.b64decode(value["b64"]) if isinstance(value, Mapping) else value.encode()
            for value in values
        ]
        return np.array([*decoded, None], object)[:-1]
    return np.array(values, dtype.as_numpy_dtype)
