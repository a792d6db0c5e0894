"""The card of an exported model, for people (README.md) and for programs (model_card.json)."""

from __future__ import annotations

import datetime
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zoo
from trainers.cutouts.picture_files import bits_of
from trainers.novelty.file import VALIDITY
from trainers.novelty.reference import DESCRIPTIONS
from trainers.serving.meanings import INPUTS, OUTPUTS, TASKS
from trainers.storage.json_files import json_safe
from trainers.tables.markdown import markdown_table
from trainers.tables.provenance import installed_versions

if TYPE_CHECKING:
    from trainers.datasets.dataset import DatasetSpec
    from trainers.novelty.reference import Reference
    from zoo.model import ZooModel
    from zoo.signature import Signature

__all__ = ["CARD_JSON", "CARD_TEXT", "add_validity", "dataset_card", "make_card", "write_card"]

CARD_JSON = "model_card.json"
CARD_TEXT = "README.md"

_PACKAGES = ("galaxy-model-zoo", "tensorflow", "keras", "tensorflow-probability", "numpy")

_SIZES = {
    "crop": "larger ones were cut around the centre",
    "pad": "larger ones were cut around the centre, and sky with noise was put around smaller ones",
    "resample": "they were resampled to the pixel scale, then cut or put into sky with noise",
}
_GAPS = {
    "sky": "the sigma-clipped median of the band",
    "interpolate": "the mean of the neighbours, weighted by a Gaussian",
}


def make_card(
    model: ZooModel,
    version: int,
    signatures: Mapping[str, Signature],
    outputs: Mapping[str, Mapping[str, Any]],
    spec: DatasetSpec,
    metrics: Mapping[str, Any] | None,
    config: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Returns the card as plain values, fit for JSON.

    Args:
        model: The model, registered in the zoo.
        version: Version of the export.
        signatures: Entry points by name.
        outputs: For each entry point the TensorSpec of each output by name.
        spec: The data that the model was trained on.
        metrics: Numbers of the evaluation, nested by evaluator.
        config: Configuration of the training run.
    """
    from zoo.fingerprints import weights_checksum

    entry = zoo.describe(model.registry_name)
    settings = model.get_config()
    card = {
        "name": entry.name,
        "version": version,
        "summary": entry.summary,
        "task": model.task,
        "reference": entry.reference,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "class_names": list(model.class_names),
        "questions": settings.get("questions", []),
        "dataset": dataset_card(spec),
        "signatures": {
            name: {
                "description": _description(model, name, signature),
                "inputs": {
                    tensor.name: _tensor(tensor, _input_meaning(tensor.name, spec))
                    for tensor in signature.inputs
                },
                "outputs": {
                    key: _tensor(tensor, _meaning(model, key, signature))
                    for key, tensor in outputs[name].items()
                },
            }
            for name, signature in signatures.items()
        },
        "parameters": model.count_params(),
        "weights_sha256": weights_checksum(model),
        "hyperparameters": {name: settings.get(name) for name in entry.hyperparameters},
        "training": config,
        "metrics": metrics,
        "versions": installed_versions(_PACKAGES),
        "limits": _limits(model, spec),
    }
    return json_safe(card)


def dataset_card(spec: DatasetSpec) -> dict[str, Any]:
    """Returns what the card says of the training data, fit for JSON.

    Args:
        spec: The data.
    """
    return json_safe(
        {
            "name": spec.name,
            "version": spec.version,
            "image_shape": spec.image_shape,
            "bands": spec.bands,
            "pixel_scale_arcsec": spec.pixel_scale,
            "seeing_arcsec": spec.seeing,
            "units": spec.units,
            "transformations": spec.transformations,
            "scales_files": spec.scales_files,
            "pad": spec.pad,
            "invalid_pixels": spec.invalid,
            "mask_bits": spec.mask_bits,
            "resize": spec.resize,
            "noise_sigma": spec.noise_sigma,
            "class_names": spec.class_names,
            "class_fractions": spec.class_fractions,
        }
    )


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Writes the card of `make_card` as README.md and model_card.json into `folder`."""
    (folder / CARD_JSON).write_text(json.dumps(card, indent=2, allow_nan=False) + "\n")
    (folder / CARD_TEXT).write_text(_render(card))


def add_validity(folder: Path, reference: Reference) -> None:
    """Writes statistics of the training images beside the card of a SavedModel, and into it.

    Args:
        folder: Folder of the SavedModel.
        reference: The statistics.
    """
    reference.save(folder / VALIDITY)
    card = json.loads((folder / CARD_JSON).read_text())
    write_card(folder, card | {"validity": reference.facts})


def _description(model: ZooModel, name: str, signature: Signature) -> str:
    doc = inspect.getdoc(signature.function)
    if not doc and name == "serving_default":
        doc = inspect.getdoc(type(model).call)
    return doc.splitlines()[0] if doc else ""


def _tensor(tensor: Any, meaning: str) -> dict[str, Any]:
    return {"dtype": tensor.dtype.name, "shape": list(tensor.shape), "meaning": meaning}


def _input_meaning(name: str, spec: DatasetSpec) -> str:
    if name == "image_bytes" and bits_of(spec.units) == 16:
        return "Contents of PNG files with 16 bits a band"
    return INPUTS.get(name, f"Feature `{name}` of the dataset")


def _meaning(model: ZooModel, output: str, signature: Signature) -> str:
    if not signature.inputs and output == "json":
        return "The training data as `model_card.json` has them, in JSON"
    if not signature.inputs:
        return f"Names of the places along the last axis of `{output}` in the other signatures"
    if output in model.targets:
        return f"Prediction of the feature `{output}` of the training data, in its units"
    return OUTPUTS.get(output) or DESCRIPTIONS.get(output, "")


def _limits(model: ZooModel, spec: DatasetSpec) -> list[str]:
    task = model.task
    scale = f", {spec.pixel_scale} arcsec per pixel" if spec.pixel_scale else ""
    limits = [
        f"Images must be like those of {spec.name}: bands {', '.join(spec.bands)} in this order, "
        f"in {spec.units}{scale}, the object in the centre. All scaling is inside the model; it "
        "does not check units, bands or depth, and answers any input of the right shape.",
        "A NaN or infinite pixel is unknown in the answer too."
        if task == "deblending"
        else "A NaN or infinite pixel makes the answer for its image meaningless.",
        "The metrics hold for the dataset named here; another survey, depth or seeing needs its "
        "own evaluation.",
    ]
    if "simulated" in spec.name:
        limits.append("Trained on simulated images: check it on real ones before relying on it.")
    if task == "classification":
        limits.append(
            "Probabilities reflect the class fractions of the training data and are not calibrated "
            "for a sample with others."
        )
    elif task == "regression":
        limits.append(
            "A number is the mean of what the training data had for such images: it tends towards "
            "their average where an image has little information, and stays within their range."
        )
    elif task == "deblending":
        limits.append(
            "The target is the galaxy in the centre. What comes out is always a galaxy like those "
            "of the training data: an image without one, or with one of another kind, gets the "
            "most similar."
            if hasattr(model, "decode")
            else "The target is the galaxy in the centre. What comes out is a share of the image, "
            "from nothing to all of it in each pixel, with the noise of the image; light at the "
            "centre is taken for a galaxy, whatever it is."
        )
    elif task == "votes":
        limits.append(
            "Votes are those that the volunteers of the training data would give to images like "
            "theirs, mistakes included: not the truth about the galaxy."
        )
    elif task == "unsupervised_classification":
        limits.append(
            "The classes were found and named without labels: a class means what its images have "
            "in common, and its probability is not calibrated against labels."
        )
    return limits


def _render(card: Mapping[str, Any]) -> str:
    dataset = card["dataset"]
    scale = dataset["pixel_scale_arcsec"]
    height, width, bands = dataset["image_shape"]
    version = f", version {dataset['version']}" if dataset["version"] else ""
    lines = [
        f"# {card['name']}, version {card['version']}",
        "",
        card["summary"],
        "",
        f"- Task: {TASKS.get(card['task'], card['task'])}",
        f"- Reference: {card['reference']}",
        f"- Parameters: {card['parameters']:,}",
        f"- Exported: {card['created']}",
        "",
        "## Input",
        "",
        f"Dataset: {dataset['name']}{version}",
        "",
        f"- Size: {height} x {width} pixels, {bands} band{'s' if bands > 1 else ''}",
        f"- Bands, in order: {', '.join(dataset['bands'])}",
        f"- Units: {dataset['units']}",
        f"- Pixel scale: {f'{scale} arcsec' if scale else 'not known'}",
        "",
    ]
    pad = dataset["pad"]
    inner = f"{height - 2 * pad} x {width - 2 * pad} pixels"
    if dataset["scales_files"]:
        lines[-1:] = [
            f"- Pictures of other sizes were cut, around the centre, to the ratio of {inner} and "
            "scaled to that (Lanczos)",
            "",
        ]
    if pad:
        lines[-1:] = [f"- Images of {inner} got {pad} pixels of zeros on each side", ""]
    if dataset["resize"]:
        lines[-1:] = [f"- Images of other sizes: {_SIZES[dataset['resize']]}", ""]
    if dataset["invalid_pixels"] != "drop":
        lines[-1:] = [f"- Pixels without a value: {_GAPS[dataset['invalid_pixels']]}", ""]
    if dataset["transformations"]:
        lines[-1:] = [f"- Trained on images with {'; '.join(dataset['transformations'])}", ""]
    if card["class_names"]:
        lines += [
            "## Classes",
            "",
            "In the order of `probability` and of `assets/classes.txt`:",
            "",
        ]
        fractions = dataset["class_fractions"]
        shares = dict(zip(dataset["class_names"], fractions, strict=True)) if fractions else {}
        for number, name in enumerate(card["class_names"]):
            share = f", {shares[name]:.3g} of the sample" if name in shares else ""
            lines.append(f"{number}. {name}{share}")
        lines.append("")
    if card["questions"]:
        lines += [
            "## Questions",
            "",
            "Answers in the order of `fractions` and of `assets/answers.txt`, questions in that of "
            "`asked`:",
            "",
        ]
        for number, question in enumerate(card["questions"]):
            after = f" (after {' or '.join(question['parents'])})" if question["parents"] else ""
            answers = ", ".join(question["answers"])
            lines.append(f"{number}. {question['name']}{after}: {answers}")
        lines.append("")
    lines += ["## Signatures", ""]
    for name, signature in card["signatures"].items():
        lines += [f"### `{name}`", ""]
        if signature["description"]:
            lines += [signature["description"], ""]
        rows = [
            [f"`{key}`", role[:-1], tensor["dtype"], _shape(tensor["shape"]), tensor["meaning"]]
            for role in ("inputs", "outputs")
            for key, tensor in signature[role].items()
        ]
        lines += [markdown_table(["tensor", "", "type", "shape", "meaning"], rows), ""]
    lines += ["## Metrics", "", *_metric_lines(card["metrics"]), ""]
    lines += ["## Validity", "", *_validity_lines(card.get("validity")), ""]
    lines += ["## Limits", "", *(f"- {limit}" for limit in card["limits"]), ""]
    lines += ["## Training", "", *_json_lines(card["training"]), ""]
    lines += ["## Hyperparameters", "", *_json_lines(card["hyperparameters"]), ""]
    lines += ["## Versions", "", *(f"- {k} {v}" for k, v in card["versions"].items()), ""]
    return "\n".join(lines)


def _shape(shape: list[int | None]) -> str:
    unknown = ["batch", *["any"] * (len(shape) - 1)]
    named = (name if size is None else str(size) for size, name in zip(shape, unknown, strict=True))
    return "(" + ", ".join(named) + ")"


def _metric_lines(metrics: Mapping[str, Any] | None) -> list[str]:
    rows = list(_flatten(metrics or {}))
    if not rows:
        return ["The model was exported without an evaluation."]
    shown = [[name, "not defined" if value is None else _rounded(value)] for name, value in rows]
    return [markdown_table(["metric", "value"], shown)]


def _validity_lines(facts: Mapping[str, Any] | None) -> list[str]:
    if not facts:
        return [
            "Without statistics of the training images: answers to images of another kind are not "
            "flagged. `python -m trainers.validity --run_dir RUN` adds them."
        ]
    lines = [
        f"`validity.npz` has statistics of {facts['training_objects']:,} training images, by which "
        f"`trainers.predict` and `trainers.catalogue` flag objects as `outside`. They compare "
        f"{', '.join(facts['comparisons'])}. The limit is set on {facts['validation_objects']:,} "
        f"validation images, so that of others like them at most {facts['share_allowed']:.0%} are "
        "flagged.",
    ]
    if "test_objects" in facts:
        share = facts["test_share_outside"]
        lines.append(f"Of {facts['test_objects']:,} test images {share:.1%} are flagged.")
    return lines


def _rounded(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _json_lines(values: Mapping[str, Any] | None) -> list[str]:
    if not values:
        return ["Not recorded."]
    return ["```json", json.dumps(values, indent=2), "```"]


def _flatten(values: Mapping[str, Any], prefix: str = ""):
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}/")
        else:
            yield prefix + name, value
