"""An entry among the named weights: the file and the manifest of a finished run."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from trainers.datasets import loading
from trainers.errors import UserError
from trainers.options.publish import PublishOptions
from trainers.options.run import RunConfig
from trainers.publication import check as checks
from trainers.publication.training_command import path_name, training_command
from trainers.runs import run_folder
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import read_json
from trainers.training.parameters import trained_parameters
from zoo.weights import frozen, keras_archive
from zoo.weights.manifest import NAME, Data, Frozen, Manifest, WeightsFile
from zoo.weights.named_weights import FILES

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset, DatasetSpec
    from zoo.model import ZooModel

__all__ = ["LARGEST_PACKAGED", "publish"]

LARGEST_PACKAGED = 3_000_000
"""Bytes of the largest file that comes with the package."""

# Test objects on which the half-precision weights are compared with those of the run.
_COMPARED = 1024
_SPLIT = "test"


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """The file as it might be published.

    Attributes:
        archive: The `.keras` file.
        omitted: Places in it and names of the arrays that are left out.
        model: The model that is loaded from it.
        precision: "float16" or "float32".
        difference: See `WeightsFile.largest_difference`.
    """

    archive: bytes
    omitted: Mapping[str, str]
    model: ZooModel
    precision: str
    difference: float


def publish(options: PublishOptions) -> Manifest:
    """Makes an entry of a finished run.

    Arrays are stored in half precision, unless that changes a score of the run's test split.

    Returns:
        The manifest.

    Raises:
        UserError: if the run is not finished, or one of the options does not fit it.
    """
    folder = run_folder.RunFolder(options.run_dir)
    config = run_folder.load_config(options.run_dir)
    _check_name(options.name, config.model)
    metrics = read_json(folder.metrics)
    model = run_folder.load_model(options.run_dir)
    dataset = loading.load_for_run(dataclasses.replace(config, max_examples=[1, 1, _COMPARED]))
    network = _vgg16_of(model, options.vgg16)
    published = _smallest(model, folder.model.read_bytes(), network, dataset)
    check_dataset = options.check_dataset or config.dataset
    manifest = Manifest(
        name=options.name,
        model=config.model,
        task=type(model).task_of(config.hp),
        parameters=trained_parameters(model),
        citation=zoo.describe(config.model).reference,
        data=_data(dataset.spec, config, options),
        command=options.command or training_command(config),
        # The name of the machine's kernel is of no use elsewhere.
        versions={k: v for k, v in read_json(folder.versions).items() if k != "platform"},
        split=_SPLIT,
        scores=_scores(metrics),
        licence=options.licence,
        file=WeightsFile(
            size=len(published.archive),
            sha256=hashlib.sha256(published.archive).hexdigest(),
            precision=published.precision,
            largest_difference=published.difference,
        ),
        check=checks.make(published.model, config, check_dataset, _SPLIT, options.check_number),
        frozen=Frozen("vgg16", frozen.checksum(network), published.omitted) if network else None,
    )
    _write(manifest, published.archive, options)
    return manifest


def _check_name(name: str, model: str) -> None:
    if not NAME.fullmatch(name):
        raise UserError(
            f"`name` must be MODEL/NAME of lower-case letters, digits and underscores; got '{name}'"
        )
    if name.partition("/")[0] != model:
        raise UserError(f"`name` must begin with the model of the run, {model}/; got '{name}'")


def _vgg16_of(model: ZooModel, source: str | None) -> Mapping[str, np.ndarray]:
    """Returns the arrays of VGG-16 if they are part of a model, else none."""
    import keras

    layers = model._flatten_layers(include_self=False)
    if not any(isinstance(layer, keras.Model) and layer.name == "vgg16" for layer in layers):
        return {}
    if source is None:
        raise UserError(
            f"`vgg16` must be the path of VGG-16 with ImageNet weights, on which model "
            f"'{model.registry_name}' is put, or 'imagenet'"
        )
    try:
        return frozen.vgg16(source)
    except ValueError as error:
        raise UserError(f"`vgg16`: {error}") from None


def _smallest(
    model: ZooModel, archive: bytes, network: Mapping[str, np.ndarray], dataset: Dataset
) -> _Candidate:
    """Returns the file in half precision or, where that can be measured, in single precision."""
    before = checks.scores(model, dataset, _SPLIT, _COMPARED)
    allowed = checks.tolerances(before, min(_COMPARED, dataset.num_examples[_SPLIT]))
    half = _candidate(model, archive, network, dataset, half=True)
    after = checks.scores(half.model, dataset, _SPLIT, _COMPARED)
    for name in before:
        print(f"{name:9} {before[name]:.6f} as trained, {after[name]:.6f} in half precision")
    print(f"largest difference of an output: {half.difference:.2g} of its standard deviation")
    if all(abs(after[name] - before[name]) <= allowed[name] for name in before):
        return half
    print("half precision changes the scores: stored in single precision")
    return _candidate(model, archive, network, dataset, half=False)


def _candidate(
    model: ZooModel,
    archive: bytes,
    network: Mapping[str, np.ndarray],
    dataset: Dataset,
    half: bool,
) -> _Candidate:
    def without_paths(value: Any) -> Any:
        # Where VGG-16 lay in training is of no use elsewhere.
        is_vgg16 = isinstance(value, str) and value.endswith(".h5")
        return "imagenet" if is_vgg16 and network else path_name(value)

    small, omitted = keras_archive.compact(archive, half=half, omit=network, change=without_paths)
    arrays = {place: network[array] for place, array in omitted.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        file.write_bytes(keras_archive.complete(small, arrays) if omitted else small)
        loaded = zoo.load(file)
    inputs = model.select_inputs(dataset.arrays(_SPLIT, limit=checks.BATCH))
    difference = _largest_difference(
        model.predict(inputs, verbose=0), loaded.predict(inputs, verbose=0)
    )
    return _Candidate(small, omitted, loaded, "float16" if half else "float32", difference)


def _largest_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    largest = 0.0
    for name, value in before.items():
        if np.asarray(value).dtype.kind in "iub":
            continue  # A choice of the largest among other outputs, which have differences.
        one, other = np.asarray(value, np.float64), np.asarray(after[name], np.float64)
        scale = one.std() or 1.0
        largest = max(largest, float(np.abs(one - other).max() / scale))
    return float(f"{largest:.3g}")


def _data(spec: DatasetSpec, config: RunConfig, options: PublishOptions) -> Data:
    return Data(
        name=config.data_name,
        version=spec.version,
        image_shape=spec.image_shape,
        bands=spec.bands,
        pixel_scale=spec.pixel_scale,
        units=spec.units,
        class_names=spec.class_names,
        licence=options.data_licence,
        citation=options.data_citation,
    )


def _scores(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Returns the numbers of the test split; those of the training are of that machine."""
    return {
        evaluator: {
            name: float(f"{value:.6g}") if isinstance(value, float) else value
            for name, value in numbers.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        for evaluator, numbers in metrics.items()
        if evaluator != "training"
    }


def _write(manifest: Manifest, archive: bytes, options: PublishOptions) -> None:
    folder = weights_dir = options.weights_dir.expanduser()
    if len(archive) > LARGEST_PACKAGED:
        if options.large_files_dir is None and weights_dir.resolve() == FILES:
            raise UserError(
                f"`large_files_dir` is needed: the file has {len(archive) / 1e6:.1f} MB, and those "
                f"of the package have at most {LARGEST_PACKAGED / 1e6:.0f} MB"
            )
        folder = options.large_files_dir or weights_dir
    file = folder / manifest.file_name
    description = weights_dir / f"{manifest.name}.json"
    for path in (file, description):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, lambda opened: opened.write(archive))
    write_atomically(description, manifest.as_json())
    print(f"file      {file} ({len(archive) / 1e6:.2f} MB)")
    print(f"manifest  {description}")
