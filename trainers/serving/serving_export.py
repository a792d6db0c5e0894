"""Export of a trained model for TensorFlow Serving.

`saved_models/<model>/<version>/` is written atomically. It holds a SavedModel of core
TensorFlow operations, the class names in `assets/classes.txt`, warm-up requests in
`assets.extra/`, and a model card.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.errors import TrainingError, UserError
from trainers.novelty.file import VALIDITY
from zoo.serving.versions import new_version

if TYPE_CHECKING:
    import numpy as np

    from trainers.datasets.dataset import DatasetSpec
    from trainers.novelty.reference import Reference
    from zoo.model import ZooModel
    from zoo.signature import Signature

__all__ = ["export"]

_SAMPLES = 8  # images on which the SavedModel is compared with the model, and asked to warm up


def export(
    model: ZooModel,
    saved_models_dir: Path | str,
    *,
    sample_inputs: np.ndarray | Mapping[str, np.ndarray],
    spec: DatasetSpec,
    metrics: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    version: int | None = None,
    base_path: str | None = None,
    validity: Reference | None = None,
) -> Path:
    """Writes a model for TensorFlow Serving.

    The SavedModel is loaded again and must give the model's own answers for the sample
    before the version appears.

    Args:
        model: Trained model, registered in the zoo.
        saved_models_dir: Folder of all models; made if missing.
        sample_inputs: Images of the training data, (number, height, width, bands) in survey units,
            or all inputs of the model by name; the first few go into the warm-up requests.
        spec: The data that the model was trained on.
        metrics: Numbers of the evaluation for the model card.
        config: Configuration of the training run for the model card.
        version: Positive integer; None for one more than the highest there is.
        base_path: `saved_models_dir` as the server sees it, see `server_files.server_path`.
        validity: Statistics of the training images, which are written beside the card and become
            the signature `validity`. None for none.

    Returns:
        `saved_models_dir/<model>/<version>`.

    Raises:
        UserError: if the version exists, a signature needs Python, `base_path` is relative,
            `models.config` is not a ModelServerConfig, or the sample does not fit the model.
        TrainingError: if the model gives numbers that are not finite.
        ValueError: if there are no samples of a signature's input.
        OSError: if a file cannot be written, for instance because the disk is full.
    """
    from trainers.serving import model_card, server_files, serving_signatures
    from zoo.serving import saved_model

    saved_models_dir = Path(saved_models_dir)
    server_files.server_path(saved_models_dir, base_path)  # A mistake shows early.
    inputs = _checked_inputs(model, sample_inputs)
    signatures = serving_signatures.make(model, spec, validity)
    samples = _samples(model, signatures, inputs, spec.units)
    folder = saved_models_dir / model.registry_name
    with _as_user_errors(), new_version(folder, version) as draft:
        try:
            saved_model.save(model, signatures, draft.path)
            server_files.write_warmup_requests(draft.path, model.registry_name, samples)
        except OSError as error:
            raise OSError(f"cannot write {draft.target}: {error}") from error
        outputs = saved_model.check(draft.path, signatures, samples)
        card = model_card.make_card(
            model, draft.version, signatures, outputs, spec, metrics, config
        )
        if validity is not None:
            validity.save(draft.path / VALIDITY)
            card["validity"] = validity.facts
        model_card.write_card(draft.path, card)
    server_files.write_models_config(saved_models_dir, base_path)
    return draft.target


@contextlib.contextmanager
def _as_user_errors() -> Iterator[None]:
    """Raises what the zoo reports of an export as the errors that the commands catch."""
    from zoo.serving.saved_model import ExportError

    try:
        yield
    except ExportError as error:
        raise TrainingError(str(error)) from error
    except ValueError as error:
        raise UserError(str(error)) from error


def _checked_inputs(
    model: ZooModel, sample: np.ndarray | Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    import numpy as np

    named = sample if isinstance(sample, Mapping) else {model.input_names[0]: sample}
    missing = [name for name in model.input_names if name not in named]
    if missing:
        raise UserError(
            f"sample_inputs must have {', '.join(model.input_names)}; got {', '.join(named)}"
        )
    inputs = {}
    for name, shape in model.training_shapes.items():
        values = inputs[name] = np.asarray(named[name][:_SAMPLES], np.float32)
        if values.shape[1:] != tuple(shape) or not len(values):
            raise UserError(
                f"sample_inputs must have some rows of {name}, each of shape {tuple(shape)}; got "
                f"an array of shape {values.shape}"
            )
        if not np.isfinite(values).all():
            raise UserError(f"sample_inputs must be finite; got NaN or infinite values of {name}")
    return inputs


def _samples(
    model: ZooModel,
    signatures: Mapping[str, Signature],
    inputs: Mapping[str, np.ndarray],
    units: str,
) -> dict[str, dict[str, np.ndarray]]:
    import numpy as np

    from trainers.cutouts.picture_files import bits_of
    from trainers.serving import encoded_images

    by_name, bits = dict(inputs), bits_of(units)
    if bits and model.input_names == ("image",) and inputs["image"].shape[-1] in (1, 3):
        by_name["image_bytes"] = encoded_images.encode(inputs["image"], bits)
    if hasattr(model, "encode"):
        by_name["latent"] = model.encode(*inputs.values())["latent_mean"]
    number = len(next(iter(inputs.values())))
    by_name["seed"] = np.arange(number, dtype=np.int32)
    draws = np.random.default_rng(0)
    for name, shape in getattr(model, "spectrum_shapes", {}).items():
        # Positive, as fluxes, weights and redshifts are.
        by_name[name] = draws.uniform(0.1, 1.0, (number, *shape)).astype(np.float32)
    for name, signature in signatures.items():
        for tensor in signature.inputs:
            if tensor.name not in by_name:
                raise ValueError(
                    f"inputs of signature '{name}' must be among {', '.join(by_name)}, of which "
                    f"there are samples; got '{tensor.name}'"
                )
    return {
        name: {tensor.name: by_name[tensor.name] for tensor in signature.inputs}
        for name, signature in signatures.items()
    }
