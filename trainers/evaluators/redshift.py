"""Photometric redshifts: errors and densities, beside what colours alone give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trainers.evaluators import photometric_inputs
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import redshift_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import photometric_baselines as baselines
from trainers.evaluators.statistics.redshift_errors import (
    OUTLIER,
    BinnedScores,
    PointErrors,
    residuals,
)
from trainers.tables import qp_files

__all__ = ["evaluate_redshift"]

_TARGET = "redshift"
# Baselines of the key number and of the table by kind of object.
_SHOWN = ("forest", baselines.NETWORK)
# Intervals of magnitude and of redshift, with about as many objects in each; fewest in one.
_INTERVALS, _FEWEST = 5, 20
_NAMES = {
    "forest": "colours, random forest",
    "neighbours": "colours, nearest neighbours",
    baselines.NETWORK: "aperture colours, dense network",
}
# Training objects with a redshift from which baselines learn; with fewer there are none.
_FEWEST_LEARNT = 2


@register("redshift", title="Photometric redshifts", needs=("redshift_pdf",))
def evaluate_redshift(context: EvaluationContext) -> Section:
    """Compares redshifts and their densities with spectroscopic ones, beside colours alone.

        dz = (z - z_s) / (1 + z_s)
        bias = mean dz, sigma_MAD = 1.4826 median |dz - median dz|, outliers |dz| > 0.05

    A forest and nearest neighbours read the magnitudes of the dataset, a dense network reads
    colours through apertures in the images (`trainers.evaluators.photometric_inputs`), and each the
    reddening in the Galaxy where the dataset has it. They learn from all training objects, the
    network from 50,000 at most, and are judged on the objects of the model.

    References:
        Pasquet et al. 2019 (A&A 621, A26), section 4.
    """
    truth = np.asarray(context.arrays()[_TARGET], np.float64)
    known = np.isfinite(truth) & (truth > -1)
    if not known.any():
        raise ValueError(f"split '{context.split}' must have objects with a redshift; got none")
    truth = truth[known]
    outputs = {
        name: values[known]
        for name, values in context.outputs("call").items()
        if name.startswith(_TARGET)
    }
    low, high = context.model.redshift_range
    scores = BinnedScores.of(outputs["redshift_pdf"], low, high, truth)
    methods = {context.model_name: outputs["redshift"].astype(np.float64)}
    note = _add_baselines(context, known, methods)
    dz = {name: residuals(predicted, truth) for name, predicted in methods.items()}
    median = residuals(outputs["redshift_median"].astype(np.float64), truth)
    metrics = _metrics(context.model_name, dz, PointErrors.of(median), scores)
    section = Section(metrics=metrics)
    section.key_numbers = {
        "sigma_MAD of dz": f"{metrics['sigma_mad']:.5f}"
        + "".join(f" ({name} {metrics[f'{name}_sigma_mad']:.5f})" for name in _SHOWN if name in dz),
        f"Outliers beyond {OUTLIER:g}": f"{100 * metrics['outliers']:.2f} %",
        "Bias of dz": f"{metrics['bias']:+.5f}",
    }
    section.text += [_in_words(context, known, truth, metrics), note]
    rows = [
        [_NAMES.get(name, name), *PointErrors.of(values).cells()] for name, values in dz.items()
    ]
    section.tables.append(
        Table(["method", "objects", "sigma_MAD", "bias", "outliers"], rows, "On the same objects.")
    )
    section.tables.append(_by_kind(context, known, truth, dz, scores))
    section.figures += [
        redshift_figures.comparison(context, truth, methods),
        redshift_figures.transforms(context, scores.pit),
        redshift_figures.gallery(
            context, np.flatnonzero(known), truth, outputs, dz[context.model_name]
        ),
    ]
    section.files |= _save_densities(context, known, outputs, truth)
    return section


def _metrics(
    model: str, dz: dict[str, np.ndarray], median: PointErrors, scores: BinnedScores
) -> dict[str, float]:
    """Returns the finite numbers of the section, those of the baselines with their names before."""
    metrics = {}
    for name, values in dz.items():
        prefix, errors = "" if name == model else f"{name}_", PointErrors.of(values)
        metrics |= {
            f"{prefix}sigma_mad": errors.sigma_mad,
            f"{prefix}bias": errors.bias,
            f"{prefix}bias_standard_error": errors.bias_error,
            f"{prefix}outliers": errors.outliers,
        }
    distance, probability = scores.ks
    metrics |= {
        "objects": float(len(scores.pit)),
        "sigma_mad_of_median": median.sigma_mad,
        "crps": float(scores.crps.mean()),
        "cde_loss": float(scores.cde.mean()),
        "pit_ks": distance,
        "pit_ks_p": probability,
    }
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def _add_baselines(
    context: EvaluationContext, known: np.ndarray, methods: dict[str, np.ndarray]
) -> str:
    """Adds the predictions of the baselines to `methods`; returns what they learn from."""
    if not context.dataset.num_examples.get("train"):
        return "No baselines: the dataset has no training split."
    columns = context.columns("train", (*photometric_inputs.features(context), _TARGET))
    redshift = np.asarray(columns[_TARGET], np.float64)
    learnt = np.isfinite(redshift) & (redshift > -1)
    magnitudes = photometric_inputs.by_magnitudes(context, columns)
    apertures = photometric_inputs.by_apertures(context, columns)
    texts = []
    for inputs, names, title in (
        (magnitudes, baselines.BASELINES, "Forest and neighbours read"),
        (apertures, (baselines.NETWORK,), "The dense network reads"),
    ):
        if inputs is None:
            texts.append("No forest and neighbours: the dataset has no magnitudes by band.")
            continue
        rows = learnt[: len(inputs.train)]
        number = int(rows.sum())
        if number < _FEWEST_LEARNT:
            return f"No baselines: {number} training objects have a redshift."
        train, target = inputs.train[rows], redshift[: len(rows)][rows]
        for name in names:
            methods[name] = baselines.predict(name, train, target, inputs.test[known], context.seed)
        texts.append(f"{title} {inputs.text}, fitted to {number} training objects.")
        texts += [inputs.note] if inputs.note else []
    return " ".join(texts)


def _in_words(
    context: EvaluationContext, known: np.ndarray, truth: np.ndarray, metrics: dict[str, float]
) -> str:
    low, high = context.model.redshift_range
    outside = (truth < low) | (truth > high)
    text = (
        f"{len(truth)} objects of the {context.split} split, redshifts {truth.min():.3g} to "
        f"{truth.max():.3g}. sigma_MAD **{metrics['sigma_mad']:.5f}**, bias "
        f"**{metrics['bias']:+.5f}**, **{100 * metrics['outliers']:.2f} %** outliers beyond "
        f"{OUTLIER:g}. Mean CRPS {metrics['crps']:.5f}, CDE loss {metrics['cde_loss']:.2f}. The "
        f"probability integral transforms are {metrics['pit_ks']:.3f} from uniform (Kolmogorov "
        f"and Smirnov, p = {metrics['pit_ks_p']:.2g})."
    )
    if outside.any():
        first = np.flatnonzero(known)[np.argmax(outside)]
        text += (
            f" {outside.sum()} redshifts are outside of the bins, {low:g} to {high:g}, such as "
            f"that of {context.ids[first]}, {truth[np.argmax(outside)]:g}."
        )
    if not known.all():
        text += f" {(~known).sum()} objects without a redshift are left out."
    return text


def _by_kind(
    context: EvaluationContext,
    known: np.ndarray,
    truth: np.ndarray,
    dz: dict[str, np.ndarray],
    scores: BinnedScores,
) -> Table:
    rows = []
    for name, members in _kinds(context, known, truth):
        errors = {method: PointErrors.of(values[members]) for method, values in dz.items()}
        own = errors[context.model_name]
        rows.append(
            [
                name,
                *own.cells(),
                f"{scores.crps[members].mean():.5f}",
                *(f"{errors[name].sigma_mad:.5f}" for name in _SHOWN if name in errors),
            ]
        )
    header = [
        "objects with",
        "number",
        "sigma_MAD",
        "bias",
        "outliers",
        "CRPS",
        *(f"sigma_MAD, {name}" for name in _SHOWN if name in dz),
    ]
    caption = (
        "By magnitude, true redshift and class. A bias by true redshift is in part regression "
        "towards the mean; the mean of a right density has none by estimated redshift."
    )
    return Table(header, rows, caption)


def _kinds(
    context: EvaluationContext, known: np.ndarray, truth: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields name and members of intervals of magnitude and redshift, and of classes."""
    quantities = {"true z": truth}
    magnitude = context.magnitude()
    if magnitude is not None:
        quantities = {magnitude[0].replace("_", " "): magnitude[1][known], **quantities}
    estimated = context.outputs("call")["redshift"][known].astype(np.float64)
    quantities["estimated z"] = estimated
    for name, values in quantities.items():
        edges = np.quantile(values, np.linspace(0, 1, _INTERVALS + 1))
        place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _INTERVALS - 1)
        for number in range(_INTERVALS):
            if np.sum(place == number) >= _FEWEST:
                low, high = edges[number : number + 2]
                yield f"{name} {low:.4g} to {high:.4g}", place == number
    if context.class_names:
        labels = context.labels[known]
        for label, name in enumerate(context.class_names):
            if np.sum(labels == label) >= _FEWEST:
                yield name.replace("_", " "), labels == label


def _save_densities(
    context: EvaluationContext,
    known: np.ndarray,
    outputs: dict[str, np.ndarray],
    truth: np.ndarray,
) -> dict[str, str]:
    name = "redshift_pdf.hdf5"
    ancillary = {"id": context.ids[known], "true_redshift": truth}
    ancillary |= {key: outputs[key] for key in ("redshift", "redshift_stddev")}
    context.output_dir.mkdir(parents=True, exist_ok=True)
    qp_files.write(
        context.output_dir / name,
        outputs["redshift_pdf"],
        *context.model.redshift_range,
        ancillary,
    )
    return {name: "densities of the redshifts in the layout of qp, `qp.read(FILE)`"}
