"""Images and spectra in one space: search from one to the other, redshifts and classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.metrics import r2_score

from trainers.evaluators import photometric_inputs
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import cross_modal_figures, redshift_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import few_shot, pair_ranks, search_baselines
from trainers.evaluators.statistics.pair_ranks import PairRanks
from trainers.evaluators.statistics.redshift_errors import PointErrors, residuals
from trainers.evaluators.statistics.scaled_spectra import ScaledSpectra
from trainers.evaluators.statistics.task_probe import TaskScore
from trainers.prediction import inference
from zoo.model import ZooModel

__all__ = ["evaluate_cross_modal"]

_REDSHIFT, _LABEL = "redshift", "label"

_NEAREST, _IMAGES = "nearest spectra of the image", "embedding of the image"
_MAGNITUDES, _APERTURES = "magnitudes", "aperture colours"
_SPECTRA = "latents of the spectrum itself"
# Input, method and prefix of the metrics of the baselines of the search.
_SEARCHES = (
    (_MAGNITUDES, "forest", "forest_"),
    (_APERTURES, "forest", "aperture_forest_"),
    (_APERTURES, "network", "aperture_network_"),
)

# Input, method, and prefix of the metrics.
_METHODS = (
    (_NEAREST, "neighbours", "zero_shot"),
    (_IMAGES, "neighbours", "image_neighbours"),
    (_IMAGES, "linear", "image_linear"),
    (_MAGNITUDES, "neighbours", "magnitude_neighbours"),
    (_MAGNITUDES, "forest", "magnitude_forest"),
    (_APERTURES, "forest", "aperture_forest"),
    (_APERTURES, "network", "aperture_network"),
    (_SPECTRA, "forest", "spectrum_forest"),
)
_NAMES = {
    "neighbours": f"{few_shot.NEIGHBOURS} neighbours",
    "linear": "linear",
    "forest": "random forest",
    # Of redshifts alone.
    "network": "dense network",
}

_Views = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Numbers of training and of evaluated objects, (objects, length) each, by input."""


@register(
    "cross_modal",
    title="Images and spectra in one space",
    needs=("latents", "paired_spectra", "training_split"),
)
def evaluate_cross_modal(context: EvaluationContext) -> Section:
    """Searches the spectrum of each image and back, and reads redshift and class from neighbours.

    Search: the rank of the own spectrum among those of the split by the cosine of the embeddings,
    beside chance, and beside methods that say from photometry what the spectrum's latents, log
    amplitude and (where the model reads it) log(1 + z) are, each in units of its scatter: a random
    forest on the magnitudes, and a forest and a dense network on colours and fluxes through
    apertures in the images (`trainers.evaluators.photometric_inputs`), which have the light within
    the fibre as the image has it (`trainers.evaluators.statistics.search_baselines`). Zero shot:
    redshift and class of an image are those of the nearest training spectra, without a fit. Few
    shot: neighbours and linear fits on the embeddings of images with 100, 1,000 and all labels,
    beside neighbours and a forest on the magnitudes, a forest and (of redshifts) a dense network on
    the apertures, and a forest on the latents and the amplitude of the object's own spectrum. Of
    apertures 50,000 training objects are read at most.

    References:
        Parker et al. 2024 (AstroCLIP, arXiv 2310.03024), sections 5.1 to 5.3.
    """
    model, arrays = context.model, context.arrays()
    wanted = (*model.spectrum_shapes, _REDSHIFT, *photometric_inputs.features(context))
    wanted = dict.fromkeys(wanted)
    wanted = [name for name in wanted if name in context.spec.feature_names]
    wanted += [_LABEL] if context.class_names else []
    training = context.columns("train", wanted)
    images = context.all_latents("train"), context.latents()
    spectra = tuple(_embedded(context, each) for each in (training, arrays))
    numbers = tuple(_numbers(context, each) for each in (training, arrays))
    views = {_NEAREST: (spectra[0], images[1]), _IMAGES: images, _SPECTRA: numbers}
    section = Section()
    for name, read in (
        (_MAGNITUDES, photometric_inputs.by_magnitudes),
        (_APERTURES, photometric_inputs.by_apertures),
    ):
        inputs = read(context, training, reddening=False)
        if inputs is not None:
            views[name] = _standardised(inputs)
            section.text += [inputs.note] if inputs.note else []
    targets = tuple(
        _with_redshift(model, columns, values)
        for columns, values in zip((training, arrays), numbers, strict=True)
    )
    ranks = _add_search(context, section, images[1], spectra[1], views, targets)
    if _REDSHIFT in wanted:
        _add_redshifts(context, section, views, training)
    if context.class_names:
        _add_classes(context, section, views, training)
    section.figures += [
        cross_modal_figures.gallery(context, images[1], spectra[1]),
        cross_modal_figures.recalls(context, ranks),
    ]
    return section


def _embedded(context: EvaluationContext, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the embeddings of spectra."""
    inputs = [np.asarray(columns[name]) for name in context.model.spectrum_shapes]
    answers = inference.apply(
        lambda *batch: {"y": context.model.spectrum_features(*batch)}, *inputs
    )
    return answers["y"].astype(np.float64)


def _numbers(context: EvaluationContext, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the latents of spectra by the model of spectra within, and their log amplitudes."""
    spectra = context.model.spectra
    inputs = [np.asarray(columns[name]) for name in spectra.input_names]
    latents = inference.apply(spectra.encode, *inputs)["latent_mean"].astype(np.float64)
    return np.concatenate([latents, np.log(ScaledSpectra.of(spectra, columns).amplitude)], axis=1)


def _with_redshift(
    model: ZooModel, columns: Mapping[str, np.ndarray], numbers: np.ndarray
) -> np.ndarray:
    if _REDSHIFT not in model.spectrum_shapes:
        return numbers
    redshift = np.asarray(columns[_REDSHIFT], np.float64)
    return np.concatenate([numbers, np.log1p(redshift)[:, None]], axis=1)


def _standardised(
    inputs: photometric_inputs.PhotometricInputs,
) -> tuple[np.ndarray, np.ndarray]:
    spread = inputs.train.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    return inputs.train / scale, inputs.test / scale


def _add_search(
    context: EvaluationContext,
    section: Section,
    images: np.ndarray,
    spectra: np.ndarray,
    views: _Views,
    targets: tuple[np.ndarray, np.ndarray],
) -> dict[str, PairRanks]:
    """Adds the ranks of the own spectra and images; returns them by method."""
    number = len(images)
    by_method = {context.model_name: pair_ranks.of_cosines(images, spectra)}
    prefixes = {context.model_name: ""}
    for name, method, prefix in _SEARCHES:
        if name in views:
            train, test = views[name]
            title = f"{method} on {name}"
            prefixes[title] = prefix
            by_method[title] = search_baselines.by_photometry(
                method, train, targets[0][: len(train)], test, targets[1], context.seed
            )
    rows = []
    for method, both in by_method.items():
        prefix = prefixes[method]
        for way, ranks in zip(("image_to_spectrum", "spectrum_to_image"), both, strict=True):
            section.metrics |= {
                f"{prefix}{way}_recall_1": ranks.recall(1),
                f"{prefix}{way}_recall_10": ranks.recall(10),
                f"{prefix}{way}_median_rank": ranks.median,
            }
            rows.append(
                [
                    method,
                    way.replace("_", " "),
                    f"{ranks.recall(1):.4f}",
                    f"{ranks.recall(10):.4f}",
                    f"{ranks.median:g}",
                ]
            )
    chance = 1 / number, min(10 / number, 1.0)
    rows.append(["chance", "", *(f"{each:.4f}" for each in chance), f"{(number + 1) / 2:g}"])
    section.tables.append(
        Table(
            ["by", "search", "recall at 1", "recall at 10", "median rank"],
            rows,
            f"Place of the object's own spectrum among those of {number} objects of the "
            f"{context.split} split, all compared with its image, and of its image, all compared "
            "with its spectrum.",
        )
    )
    own = section.metrics["image_to_spectrum_recall_10"]
    beside = [
        f"{method} {section.metrics[f'{prefix}image_to_spectrum_recall_10']:.3f}"
        for method, prefix in prefixes.items()
        if prefix
    ]
    beside = ", ".join([*beside, f"chance {chance[1]:.4f}"])
    section.key_numbers["Own spectrum among the 10 nearest of an image"] = f"{own:.3f} ({beside})"
    if _REDSHIFT in context.model.spectrum_shapes:
        section.text.append(
            "The model reads the redshift of a spectrum, which the observed spectrum shows. So "
            "redshifts have a part in its training; zero shot means that none was fitted to the "
            "embeddings."
        )
    return {method: both[0] for method, both in by_method.items()}


def _beside(metrics: Mapping[str, float], score: str, digits: int) -> str:
    """Returns a score of forests and network on photometry, in brackets."""
    parts = [
        f"{method} on {read} {metrics[f'{key}_all_{score}']:.{digits}f}"
        for read, method, key in _METHODS
        if read in (_MAGNITUDES, _APERTURES)
        and method != "neighbours"
        and f"{key}_all_{score}" in metrics
    ]
    return f" ({', '.join(parts)})"


def _add_redshifts(
    context: EvaluationContext,
    section: Section,
    views: _Views,
    training: Mapping[str, np.ndarray],
) -> None:
    target = np.asarray(training[_REDSHIFT], np.float64)
    truth = np.asarray(context.arrays()[_REDSHIFT], np.float64)
    learnt, known = np.isfinite(target), np.isfinite(truth)
    if learnt.sum() < 2 or not known.any():
        section.text.append("The redshifts are not known.")
        return

    def score(answer: np.ndarray) -> tuple[float, float, float]:
        errors = PointErrors.of(residuals(answer, truth[known]))
        return errors.sigma_mad, errors.outliers, float(r2_score(truth[known], answer))

    rows, answers = _rows(
        context,
        section,
        {name: (train[learnt[: len(train)]], test[known]) for name, (train, test) in views.items()},
        target[learnt],
        score,
        ("sigma_mad", "outliers", "r2"),
        classes=False,
    )
    header = _header(learnt.sum(), "sigma_MAD with {} labels")
    section.tables.append(
        Table(
            [*header, "outliers", "R^2"],
            rows,
            f"Redshifts of {known.sum()} objects: sigma_MAD of dz, the share with |dz| > 0.05 and "
            f"R^2 with all labels. With fewer, the mean of {few_shot.DRAWS} draws.",
        )
    )
    metrics = section.metrics
    beside = _beside(metrics, "sigma_mad", digits=4)
    value = f"{metrics['zero_shot_all_sigma_mad']:.4f}{beside}"
    section.key_numbers["sigma_MAD of zero-shot redshifts"] = value
    shown = {
        title: answers[key]
        for title, key in (
            ("nearest spectra, no fit", "zero_shot"),
            ("embedding, linear", "image_linear"),
            ("magnitudes, forest", "magnitude_forest"),
            ("aperture colours, network", "aperture_network"),
        )
        if key in answers
    }
    section.figures.append(redshift_figures.comparison(context, truth[known], shown))


def _add_classes(
    context: EvaluationContext,
    section: Section,
    views: _Views,
    training: Mapping[str, np.ndarray],
) -> None:
    target, truth = np.asarray(training[_LABEL]), context.labels

    def score(answer: np.ndarray) -> tuple[float, float]:
        result = TaskScore(truth, answer)
        return result.balanced_accuracy, result.accuracy

    rows, _ = _rows(
        context,
        section,
        views,
        target,
        score,
        ("balanced_accuracy", "accuracy"),
        classes=True,
    )
    commonest = np.bincount(target).argmax()
    header = _header(len(target), "balanced accuracy with {} labels")
    section.tables.append(
        Table(
            [*header, "accuracy"],
            rows,
            f"Classes of {len(truth)} objects: {', '.join(context.class_names)}. The commonest "
            f"class for all has a balanced accuracy of {1 / len(np.unique(truth)):.3f} and an "
            f"accuracy of {np.mean(truth == commonest):.3f}.",
        )
    )
    metrics = section.metrics
    beside = _beside(metrics, "balanced_accuracy", digits=3)
    value = f"{metrics['zero_shot_all_balanced_accuracy']:.3f}{beside}"
    section.key_numbers["Balanced accuracy of zero-shot classes"] = value


def _rows(
    context: EvaluationContext,
    section: Section,
    views: _Views,
    target: np.ndarray,
    score: Callable[[np.ndarray], Sequence[float]],
    names: Sequence[str],
    *,
    classes: bool,
) -> tuple[list[list[str]], dict[str, np.ndarray]]:
    """Adds the scores of every method to the metrics of the section.

    Returns:
        The scores as rows, and the predictions with all labels by the method's prefix.
    """
    rows, answers = [], {}
    for read, method, key in _METHODS:
        if read not in views or (classes and method == "network"):
            continue
        cells, own = [read, _NAMES[method]], target[: len(views[read][0])]
        generator = context.generator("labels of the few shots")
        for number, scores, answer in few_shot.by_number(
            method,
            views[read][0],
            own,
            views[read][1],
            score,
            generator,
            classes=classes,
            seed=context.seed,
        ):
            labels = "all" if number == len(own) else str(number)
            for name, value in zip(names, scores, strict=True):
                section.metrics[f"{key}_{labels}_{name}"] = float(value)
            cells.append(f"{scores[0]:.4f}")
            answers[key] = answer
        rows.append([*cells, *(f"{value:.4f}" for value in scores[1:])])
    return rows, answers


def _header(number: int, name: str) -> list[str]:
    numbers = [f"{each:,}" for each in (*few_shot.numbers(number), number)]
    return ["from", "method", *(name.format(each) for each in numbers)]
