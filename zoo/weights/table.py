"""The named sets as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from zoo import registry
from zoo.spectrum_model import SpectrumModel
from zoo.weights.manifest import Manifest
from zoo.weights.named_weights import describe, list_weights

__all__ = ["table"]

# The first of these that a set has: evaluator, score, title.
_SCORES = (
    ("roc", "auc", "AUC"),
    ("roc", "balanced_accuracy", "balanced accuracy"),
    ("votes", "fraction_rmse", "RMS error of vote fractions"),
    ("tasks", "mean_accuracy", "accuracy of forests, mean of tasks"),
    ("probe", "forest_accuracy", "accuracy of a forest on the latents"),
    ("segmentation", "iou", "IoU of sources and sky"),
    ("redshift", "sigma_mad", "sigma_MAD of the redshifts"),
    ("spectra", "knn_accuracy_latents", "classes by the neighbours among latents, accuracy"),
    ("cross_modal", "image_to_spectrum_recall_1", "share of images whose spectrum is found first"),
    ("deblending", "robust_scatter_r", "robust scatter of r (mag)"),
)


def table() -> str:
    """Returns one row for each set: name, data, size, and a score on the test split."""
    rows = [("Name", "Trained on", "Input", "Weights", "File", "Score on the test split")]
    rows += [_row(describe(name)) for name in list_weights()]
    rule = ["---"] * len(rows[0])
    return "".join(f"| {' | '.join(row)} |\n" for row in (rows[0], rule, *rows[1:]))


def _row(manifest: Manifest) -> tuple[str, ...]:
    data = manifest.data
    version = f" {data.version}" if data.version else ""
    where = "" if manifest.path.with_suffix(".keras").exists() else ", fetched"
    where += ", on VGG-16" if manifest.frozen else ""
    return (
        f"`{manifest.name}`",
        f"{data.name}{version}",
        _input(manifest),
        f"{manifest.parameters:,}",
        f"{manifest.file.size / 1e6:.2f} MB{where}",
        _score(manifest),
    )


def _input(manifest: Manifest) -> str:
    if issubclass(registry.describe(manifest.model).model_class, SpectrumModel):
        return "spectra"
    height, width, _ = manifest.data.image_shape
    return f"{height} x {width} px, {_bands(manifest.data.bands)}, {manifest.data.units}"


def _score(manifest: Manifest) -> str:
    for evaluator, name, title in _SCORES:
        value = manifest.scores.get(evaluator, {}).get(name)
        if value is not None:
            return f"{title} {value:.3f}" if value >= 0.1 else f"{title} {value:.3g}"
    return f"loss {manifest.check.scores['loss']:.4g} on the sample" if manifest.check else ""


def _bands(names: Sequence[str]) -> str:
    """Returns grz for bands of one letter, and other names apart."""
    return ("" if all(len(name) == 1 for name in names) else ", ").join(names)
