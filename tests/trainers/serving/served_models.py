"""Models that a `models.config` lists, loaded and run as TensorFlow Serving does it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import model_pb2, prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

__all__ = ["RequestError", "Servable", "ServedModels", "status_of"]


class RequestError(Exception):
    """A request that is refused, with the status that the server gives for it."""

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


class Servable:
    """One version of a model in a session of its own.

    Args:
        folder: Of the version.
    """

    def __init__(self, folder: Path):
        self.version = int(folder.name)
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            meta = tf.compat.v1.saved_model.load(self._session, ["serve"], str(folder))
        self.signatures = meta.signature_def
        self._callables = {}
        self._lock = threading.Lock()

    def run(
        self, name: str, inputs: Mapping[str, np.ndarray], wanted: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature.

        Args:
            name: Of the signature; empty for the default one.
            inputs: By name.
            wanted: Names of outputs; empty for all.

        Raises:
            RequestError: if the names are not those of the signature.
            tf.errors.OpError: if the graph cannot be run on these inputs.
        """
        name = name or "serving_default"
        if name not in self.signatures:
            raise RequestError(
                grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
            )
        signature = self.signatures[name]
        for aliases, names, kind in (
            (set(inputs), set(signature.inputs), "input"),
            (set(wanted) or set(signature.outputs), set(signature.outputs), "output"),
        ):
            if not aliases <= names or (kind == "input" and aliases != names):
                raise RequestError(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"{kind} tensor aliases {sorted(aliases)} do not fit the signature's "
                    f"{sorted(names)}",
                )
        outputs = tuple(wanted) or tuple(sorted(signature.outputs))
        run = self._callable(signature, tuple(sorted(inputs)), outputs)
        return dict(zip(outputs, run(*(inputs[key] for key in sorted(inputs))), strict=True))

    def _callable(self, signature, inputs, outputs):
        options = config_pb2.CallableOptions(
            feed=[signature.inputs[key].name for key in inputs],
            fetch=[signature.outputs[key].name for key in outputs],
        )
        key = options.SerializeToString()
        with self._lock:
            if key not in self._callables:
                # `Session.run` checks shapes and casts before the runtime sees the tensors; a
                # server does not, and what it must survive shows itself only without that.
                self._callables[key] = self._session._make_callable_from_options(options)
            return self._callables[key]


class ServedModels:
    """Models of a test server; every warm-up request is answered before it opens.

    Args:
        models_config: Path of `models.config`.
    """

    def __init__(self, models_config: Path):
        config = model_server_config_pb2.ModelServerConfig()
        text_format.Parse(models_config.read_text(), config)
        self._versions: dict[str, dict[int, Servable]] = {}
        self._labels: dict[str, Mapping[str, int]] = {}
        self.warmed_up: dict[tuple[str, int], list[str]] = {}
        for entry in config.model_config_list.config:
            folders = {int(path.name): path for path in Path(entry.base_path).glob("[0-9]*")}
            self._versions[entry.name] = {
                version: Servable(folders[version])
                for version in _wanted_versions(sorted(folders), entry.model_version_policy)
            }
            self._labels[entry.name] = dict(entry.version_labels)
            for version, servable in self._versions[entry.name].items():
                self.warmed_up[entry.name, version] = _warm_up(servable, folders[version])

    def find(self, spec: model_pb2.ModelSpec) -> Servable:
        """Returns the version that a request asks for, by default the highest.

        Raises:
            RequestError: if there is no such model, version or label.
        """
        versions = self._versions.get(spec.name, {})
        asked = f"Latest({spec.name})"
        version = max(versions, default=None)
        if spec.HasField("version"):
            version = spec.version.value
            asked = f"Specific({spec.name}, {version})"
        elif spec.version_label:
            labels = self._labels.get(spec.name, {})
            if spec.version_label not in labels:
                raise RequestError(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"Unrecognized servable version label: {spec.version_label}",
                )
            version = labels[spec.version_label]
        if version not in versions:
            raise RequestError(
                grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {asked}"
            )
        return versions[version]


def status_of(error: RequestError | tf.errors.OpError) -> tuple[grpc.StatusCode, str]:
    """Returns the status that a server answers with, and its message."""
    if isinstance(error, RequestError):
        return error.code, str(error)
    codes = {code.value[0]: code for code in grpc.StatusCode}
    return codes[error.error_code], error.message


def _wanted_versions(
    present: Sequence[int],
    policy: model_server_config_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy,
) -> Sequence[int]:
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return present
    if choice == "specific":
        return [version for version in present if version in policy.specific.versions]
    return present[-max(1, policy.latest.num_versions) :]


def _warm_up(servable: Servable, folder: Path) -> list[str]:
    """Answers the requests in `assets.extra`; returns the signatures that they ask for."""
    asked = []
    path = folder / "assets.extra/tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        servable.run(request.model_spec.signature_name, inputs)
        asked.append(request.model_spec.signature_name)
    return asked
