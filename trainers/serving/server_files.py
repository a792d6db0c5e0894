"""Files of TensorFlow Serving beside a SavedModel: warm-up requests and `models.config`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from trainers.errors import UserError
from trainers.storage.atomic_files import opened_alone, write_atomically
from zoo.serving.versions import existing_versions

__all__ = [
    "MODELS_CONFIG",
    "WARMUP_REQUESTS",
    "predict_request",
    "read_models_config",
    "server_path",
    "write_models_config",
    "write_warmup_requests",
]

WARMUP_REQUESTS = "assets.extra/tf_serving_warmup_requests"
MODELS_CONFIG = "models.config"

_WARMUP_BATCHES = ((1, 4), (1, 2), (1,))  # the first that fits into _WARMUP_BYTES is taken
_WARMUP_BYTES = 8 * 2**20


def predict_request(
    model_name: str, signature_name: str, inputs: Mapping[str, np.ndarray]
) -> predict_pb2.PredictRequest:
    """Returns a request for TensorFlow Serving.

    Args:
        model_name: Name of the model on the server.
        signature_name: Signature to run.
        inputs: Batch of each input by name.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature_name
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def write_warmup_requests(
    version_dir: Path, model_name: str, samples: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Writes the requests that the server answers before it takes any other.

    Each signature that takes inputs is asked with one sample and with a small batch, at most 8 MiB
    in all unless single samples need more. The others have nothing to warm up, and a server that
    puts requests into batches does not answer them: then it would not load the model.

    Args:
        version_dir: Folder of the SavedModel.
        model_name: Name of the model on the server.
        samples: Batch of each input by name, for each signature.

    Raises:
        OSError: if the file cannot be written.
    """
    logs = []
    for batches in _WARMUP_BATCHES:
        logs = [
            _predict_log(model_name, signature, inputs, size)
            for signature, inputs in samples.items()
            for size in batches
            if inputs
        ]
        if sum(len(log) for log in logs) <= _WARMUP_BYTES:
            break
    path = version_dir / WARMUP_REQUESTS
    path.parent.mkdir(exist_ok=True)
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for log in logs:
                writer.write(log)
    except tf.errors.OpError as error:
        raise OSError(error.message.rsplit("; ", 1)[-1]) from error


def read_models_config(saved_models_dir: Path) -> model_server_config_pb2.ModelServerConfig:
    """Returns the models listed in `saved_models_dir/models.config`; none if there is no file.

    Raises:
        UserError: if the file is not a ModelServerConfig.
    """
    path = saved_models_dir / MODELS_CONFIG
    config = model_server_config_pb2.ModelServerConfig()
    if path.exists():
        try:
            text_format.Parse(path.read_text(), config)
        except (text_format.ParseError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{path} must be a ModelServerConfig in text format; got: {reason}"
            ) from error
    return config


def server_path(saved_models_dir: Path, base_path: str | None = None) -> str:
    """Returns the folder of the models as the server sees it.

    Args:
        saved_models_dir: Folder of the models.
        base_path: An absolute path or a URI, for instance `/models` in a container; None for the
            one in `models.config`, by its entry of one of the models here, or, if there is none,
            `saved_models_dir` as an absolute path.

    Raises:
        UserError: if `base_path` is relative, or the present file is not a ModelServerConfig.
    """
    listed = read_models_config(saved_models_dir).model_config_list.config
    if base_path is None:
        models = _served_models(saved_models_dir)
        roots = (_split(entry.base_path)[0] for entry in listed if entry.name in models)
        return next(roots, str(saved_models_dir.resolve()))
    if not (base_path.startswith("/") or "://" in base_path):
        raise UserError(f"base_path must be an absolute path or a URI; got '{base_path}'")
    return base_path.rstrip("/")


def write_models_config(saved_models_dir: Path, base_path: str | None = None) -> Path:
    """Lists every model of `saved_models_dir` for `tensorflow_model_server --model_config_file`.

    Version policies, labels and logging that stand in the file already are kept, and so are
    models that lie elsewhere; a new model is served in its latest version. Other processes that
    do the same wait.

    Args:
        saved_models_dir: Folder of the models.
        base_path: The folder as the server sees it, see `server_path`.

    Returns:
        Path of the file.

    Raises:
        UserError: if `base_path` is relative, or the present file is not a ModelServerConfig.
    """
    path = saved_models_dir / MODELS_CONFIG
    lock = saved_models_dir / f".lock.{MODELS_CONFIG}"
    with opened_alone(lock):
        try:
            config = read_models_config(saved_models_dir)
            entries = _entries(config, saved_models_dir, base_path)
            del config.model_config_list.config[:]
            config.model_config_list.config.extend(sorted(entries, key=lambda one: one.name))
            write_atomically(path, text_format.MessageToString(config))
        finally:
            lock.unlink(missing_ok=True)
    return path


def _entries(
    config: model_server_config_pb2.ModelServerConfig,
    saved_models_dir: Path,
    base_path: str | None,
) -> list[model_server_config_pb2.ModelConfig]:
    """Returns the entries that are kept, and one for each model that has none."""
    models = _served_models(saved_models_dir)
    old_root = server_path(saved_models_dir)
    root = server_path(saved_models_dir, base_path)
    entries = []
    for entry in config.model_config_list.config:
        parent, folder = _split(entry.base_path)
        if entry.name in models:
            entry.base_path = f"{root}/{entry.name}"
        elif parent == old_root and folder in models:  # A second name.
            entry.base_path = f"{root}/{folder}"
        elif parent == old_root:
            continue
        entries.append(entry)
    for name in sorted(set(models) - {entry.name for entry in entries}):
        entry = model_server_config_pb2.ModelConfig(name=name, base_path=f"{root}/{name}")
        entry.model_platform = "tensorflow"
        entry.model_version_policy.latest.num_versions = 1
        entries.append(entry)
    return entries


def _split(base_path: str) -> tuple[str, str]:
    return os.path.split(base_path.rstrip("/"))


def _served_models(saved_models_dir: Path) -> Sequence[str]:
    if not saved_models_dir.is_dir():
        return []
    folders = (folder for folder in saved_models_dir.iterdir() if not folder.name.startswith("."))
    return sorted(folder.name for folder in folders if existing_versions(folder))


def _predict_log(
    model_name: str, signature: str, inputs: Mapping[str, np.ndarray], size: int
) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    batch = {name: value[:size] for name, value in inputs.items()}
    log.predict_log.request.CopyFrom(predict_request(model_name, signature, batch))
    return log.SerializeToString()
