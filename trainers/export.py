"""Export of a trained model: `python -m trainers.export --run_dir runs/NAME`.

`saved_models/<model>/<version>/` appears whole or not at all. It holds a SavedModel of core
TensorFlow operations, the class names in `assets/classes.txt`, warm-up requests in
`assets.extra/`, and a model card.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from trainers import model_card, serving
from trainers.versions import new_version

if TYPE_CHECKING:
    from trainers.data import DatasetSpec
    from zoo.model import Signature, ZooModel

__all__ = ["export"]

CLASSES = "classes.txt"

_SAMPLES = 8  # images on which the SavedModel is compared with the model, and asked to warm up
_TOLERANCE = (
    1e-2  # of the largest value; a graph may round differently, above all in half precision
)
_PYTHON_OPS = {"EagerPyFunc", "NumpyFunction", "PyFunc", "PyFuncStateless"}


def export(
    model: ZooModel,
    saved_models_dir: Path | str,
    *,
    sample_images: np.ndarray,
    spec: DatasetSpec,
    metrics: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    version: int | None = None,
    base_path: str | None = None,
) -> Path:
    """Writes a model for TensorFlow Serving.

    The SavedModel is loaded again and must give the model's own answers for the sample images
    before the version appears.

    Args:
        model: Trained model, registered in the zoo.
        saved_models_dir: Folder of all models; made if missing.
        sample_images: Images of the training data, (number, height, width, bands) in survey units;
            the first few go into the warm-up requests.
        spec: The data that the model was trained on.
        metrics: Numbers of the evaluation for the model card.
        config: Configuration of the training run for the model card.
        version: Positive integer; None for one more than the highest there is.
        base_path: `saved_models_dir` as the server sees it, see `serving.server_path`.

    Returns:
        `saved_models_dir/<model>/<version>`.

    Raises:
        UserError: if the version exists, `base_path` is relative, or `models.config` is not a
            ModelServerConfig.
        ValueError: if the sample images don't fit the model, or a signature needs Python or gives
            other or non-finite numbers.
        OSError: if a file cannot be written, for instance because the disk is full.
    """
    saved_models_dir = Path(saved_models_dir)
    base_path = serving.server_path(saved_models_dir, base_path)  # A mistake shows early.
    images = _checked_samples(model, sample_images)
    signatures = model.signatures()
    samples = _samples(model, signatures, images)
    with new_version(saved_models_dir / model.registry_name, version) as draft:
        try:
            _save(model, signatures, draft.path)
            outputs = _check(draft.path, signatures, samples)
            serving.write_warmup_requests(draft.path, model.registry_name, samples)
        except tf.errors.OpError as error:
            raise OSError(f"cannot write {draft.target}: {_reason(error)}") from error
        card = model_card.make_card(
            model, draft.version, signatures, outputs, spec, metrics, config
        )
        model_card.write_card(draft.path, card)
    serving.write_models_config(saved_models_dir, base_path)
    return draft.target


def _checked_samples(model: ZooModel, images: np.ndarray) -> np.ndarray:
    images = np.asarray(images[:_SAMPLES], np.float32)
    if images.ndim != 4 or images.shape[1:] != model.image_shape or not len(images):
        raise ValueError(
            f"sample_images must be some images of shape {model.image_shape}; got an array of "
            f"shape {images.shape}"
        )
    if not np.isfinite(images).all():
        raise ValueError("sample_images must be finite; got NaN or infinite pixels")
    return images


def _samples(
    model: ZooModel, signatures: Mapping[str, Signature], images: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    known = {"image": images}
    if hasattr(model, "encode"):
        known["latent"] = np.asarray(model.encode(tf.constant(images))["latent_mean"])
    for name, signature in signatures.items():
        for tensor in signature.inputs:
            if tensor.name not in known:
                raise ValueError(
                    f"inputs of signature '{name}' must be among {', '.join(known)}, of which "
                    f"there are samples; got '{tensor.name}'"
                )
    return {
        name: {tensor.name: known[tensor.name] for tensor in signature.inputs}
        for name, signature in signatures.items()
    }


def _save(model: ZooModel, signatures: Mapping[str, Signature], folder: Path) -> None:
    archive = keras.export.ExportArchive()
    for name, signature in signatures.items():
        archive.add_endpoint(name, signature.function, list(signature.inputs))
    listed = folder / CLASSES
    if model.class_names:
        listed.write_text("".join(f"{name}\n" for name in model.class_names))
        # An ExportArchive takes assets only as part of a lookup table.
        rows = tf.lookup.TextFileInitializer(
            str(listed),
            key_dtype=tf.string,
            key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
            value_dtype=tf.int64,
            value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        archive.track(tf.lookup.StaticHashTable(rows, default_value=-1))
    archive.write_out(str(folder), verbose=False)
    listed.unlink(missing_ok=True)  # The SavedModel has its own copy among its assets.


def _check(
    folder: Path,
    signatures: Mapping[str, Signature],
    samples: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, dict[str, tf.TensorSpec]]:
    """Compares the SavedModel with the model; returns the outputs of each signature."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    used = {op.name for op in saved.meta_graphs[0].meta_info_def.stripped_op_list.op}
    python_ops = sorted(_PYTHON_OPS & used)
    if python_ops:
        raise ValueError(
            f"signatures must be of core TensorFlow operations; got {', '.join(python_ops)}"
        )
    loaded = tf.saved_model.load(str(folder))
    outputs = {}
    for name, signature in signatures.items():
        inputs = {key: tf.constant(value) for key, value in samples[name].items()}
        expected = signature.function(*(inputs[tensor.name] for tensor in signature.inputs))
        actual = loaded.signatures[name](**inputs)
        for key, value in expected.items():
            _compare(f"output '{key}' of signature '{name}'", value.numpy(), actual[key].numpy())
        specs = loaded.signatures[name].structured_outputs
        outputs[name] = {key: specs[key] for key in expected}
    return outputs


def _reason(error: tf.errors.OpError) -> str:
    # "{{function_node ...}} /path/of/a/part; No space left on device [Op:SaveV2]"
    line = error.message.splitlines()[0]
    return re.sub(r"\{\{.*?\}\} *| *\[Op:\w+\]", "", line).rsplit("; ", 1)[-1]


def _compare(what: str, expected: np.ndarray, actual: np.ndarray) -> None:
    if not np.isfinite(actual).all():
        raise ValueError(f"{what} must be finite for the sample images; got NaN or infinity")
    difference = np.max(np.abs(actual - expected), initial=0.0)
    allowed = _TOLERANCE * max(np.max(np.abs(expected), initial=0.0), 1e-6)
    if difference > allowed:
        raise ValueError(
            f"{what} must be the same from the SavedModel as from the model, to {allowed:.3g}; "
            f"got a difference of {difference:.3g}"
        )
