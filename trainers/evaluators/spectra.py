"""Spectra: reconstruction beside linear methods, line classes, tracks, outliers, gaps."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from threadpoolctl import threadpool_limits

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import spectrum_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import spectral_baselines as baselines
from trainers.evaluators.statistics.scaled_spectra import ScaledSpectra
from trainers.prediction import inference

__all__ = ["evaluate_spectra"]

# Numbers of components of the linear methods, and spectra that non-negative factors are fitted to.
_COMPONENTS = (1, 2, 3, 4, 6, 8, 10)
_FACTORS = (2, 4, 6, 10)
_NMF_SPECTRA = 1000
_NEIGHBOURS = 10
# Hidden bins of the test of gaps.
_GAP = 60
_OUTLIERS = 8
# Outliers are beyond this quantile of the training spectra.
_QUANTILE = 0.99
# Width of the windows in which the largest residual of an outlier is looked for, bins.
_WINDOW = 10


@register("spectra", title="Spectra", needs=("spectra", "reconstruct()", "training_split"))
def evaluate_spectra(context: EvaluationContext) -> Section:
    """Compares reconstructed spectra with observed ones, beside PCA and NMF of the training split.

    weighted MSE    = sum w (x - x')^2 / sum w,   w = 1 / (sigma^2 + model_error^2)
    chi2 per bin    = mean over good bins of (x - x')^2 / sigma^2

    Amplitudes of principal components and of non-negative factors are those of least weighted
    deviation in each test spectrum: the best that a linear method can do with so many numbers, and
    more than a model gets, whose encoder has to guess them.

    References:
        Portillo et al. 2020 (AJ 160, 45).
    """
    train, test = (
        ScaledSpectra.of(context.model, context.arrays(split)) for split in ("train", context.split)
    )
    drawn = context.outputs("reconstruct")["reconstruction"] / test.amplitude
    with threadpool_limits(limits=1):
        linear, factors = _linear_errors(train, test)
    latents = context.latents().shape[1]
    chi2 = test.chi2(drawn)
    section = Section(
        metrics={
            "weighted_mse": test.error(drawn),
            "chi2_per_bin": float(np.mean(chi2)),
            "chi2_per_bin_median": float(np.median(chi2)),
            **{f"pca_{number}_weighted_mse": value for number, value in linear.items()},
            **{f"nmf_{number}_weighted_mse": value for number, value in factors.items()},
        }
    )
    metrics = section.metrics
    same = np.interp(latents, list(linear), list(linear.values()))
    section.key_numbers = {
        f"weighted MSE with {latents} latents (PCA)": f"{metrics['weighted_mse']:.3g} ({same:.3g})",
        "chi2 per bin": f"{metrics['chi2_per_bin']:.3f}",
    }
    section.text.append(_errors_in_words(context, test, metrics, latents))
    section.tables.append(_errors_table(metrics["weighted_mse"], latents, linear, factors))
    floor = metrics.get("weighted_mse_of_truth")
    section.figures.append(
        spectrum_figures.errors(context, metrics["weighted_mse"], latents, linear, factors, floor)
    )
    section.figures.append(spectrum_figures.examples(context, test.observed, drawn, chi2))
    if context.lacks("labels") is None:
        _add_classes(context, section, train, test)
    section.figures.append(spectrum_figures.tracks(context))
    _add_gaps(context, section, train, test)
    _add_outliers(context, section, train, test, drawn, chi2)
    return section


def _linear_errors(
    train: ScaledSpectra, test: ScaledSpectra
) -> tuple[dict[int, float], dict[int, float]]:
    """Returns the weighted errors of PCA and of NMF, by number of components."""
    most = min(max(_COMPONENTS), *train.filled.shape)
    mean, vectors = baselines.principal_vectors(train.filled, most)
    linear, factors = {}, {}
    for number in (number for number in _COMPONENTS if number <= most):
        chosen = vectors[:number]
        amplitudes = baselines.linear_amplitudes(test.filled, test.weights, mean, chosen)
        linear[number] = test.error(mean + amplitudes @ chosen)
    for number in (number for number in _FACTORS if number <= most):
        basis = baselines.nonnegative_factors(train.filled[:_NMF_SPECTRA], number)
        amplitudes = baselines.factor_amplitudes(test.filled, test.weights, basis)
        factors[number] = test.error(amplitudes @ basis)
    return linear, factors


def _errors_in_words(
    context: EvaluationContext, test: ScaledSpectra, metrics: dict[str, float], latents: int
) -> str:
    text = (
        f"{len(test.filled)} spectra in units of their amplitude. With {latents} latents the "
        f"weighted MSE is {metrics['weighted_mse']:.3g}, chi2 per bin "
        f"{metrics['chi2_per_bin']:.3f} (median of the spectra "
        f"{metrics['chi2_per_bin_median']:.3f})."
    )
    if "true_spectrum" in context.arrays():
        truth = context.arrays()["true_spectrum"] / test.amplitude
        metrics["chi2_of_truth"] = float(np.mean(test.chi2(truth)))
        metrics["weighted_mse_of_truth"] = test.error(truth)
        text += (
            f" The spectra without noise have {metrics['weighted_mse_of_truth']:.3g} and "
            f"{metrics['chi2_of_truth']:.3f}: nothing that does not repeat the noise is below."
        )
    return text


def _errors_table(
    error: float, latents: int, linear: dict[int, float], factors: dict[int, float]
) -> Table:
    rows = []
    for number in sorted({*linear, latents}):
        own = f"{error:.4g}" if number == latents else ""
        rows.append(
            [
                str(number),
                own,
                f"{linear[number]:.4g}" if number in linear else "",
                f"{factors[number]:.4g}" if number in factors else "",
            ]
        )
    caption = "Weighted mean squared error by the number of latents or components."
    return Table(["number", "model", "PCA", "NMF"], rows, caption)


def _add_classes(
    context: EvaluationContext, section: Section, train: ScaledSpectra, test: ScaledSpectra
) -> None:
    """Adds the classes of the nearest neighbours among latents, beside principal components."""
    labels = np.asarray(context.arrays("train")["label"]), np.asarray(context.labels)
    mean, vectors = baselines.principal_vectors(train.filled, min(10, *train.filled.shape))
    number = min(context.latents().shape[1], len(vectors))
    representations = {f"{number} PCs": vectors[:number]}
    if len(vectors) > number:
        representations[f"{len(vectors)} PCs"] = vectors
    pairs = {"latents": (context.latents("train"), context.latents())}
    for name, chosen in representations.items():
        pairs[name] = tuple(
            baselines.linear_amplitudes(each.filled, each.weights, mean, chosen)
            for each in (train, test)
        )
    rows = []
    for name, (train_points, points) in pairs.items():
        scale = train_points.std(axis=0) + 1e-12
        neighbours = min(_NEIGHBOURS, len(train_points))
        classifier = KNeighborsClassifier(neighbours, weights="distance")
        predicted = classifier.fit(train_points / scale, labels[0]).predict(points / scale)
        recall = [
            np.mean(predicted[labels[1] == label] == label)
            if np.any(labels[1] == label)
            else np.nan
            for label in range(len(context.class_names))
        ]
        accuracy = float(np.mean(predicted == labels[1]))
        key = name.replace(" ", "_").lower()
        section.metrics[f"knn_accuracy_{key}"] = accuracy
        section.metrics[f"knn_balanced_accuracy_{key}"] = float(np.nanmean(recall))
        cells = ["" if np.isnan(value) else f"{value:.3f}" for value in recall]
        rows.append([name, f"{accuracy:.3f}", f"{np.nanmean(recall):.3f}", *cells])
    section.key_numbers["line classes by neighbours in latents"] = (
        f"{section.metrics['knn_accuracy_latents']:.3f}"
    )
    header = ["representation", "accuracy", "mean recall", *context.class_names]
    caption = (
        f"Classes by the {_NEIGHBOURS} nearest neighbours among {len(labels[0])} training spectra, "
        "each axis in units of its standard deviation; recall of each class."
    )
    section.tables.append(Table(header, rows, caption))
    section.figures.append(spectrum_figures.plane(context))


def _add_gaps(
    context: EvaluationContext, section: Section, train: ScaledSpectra, test: ScaledSpectra
) -> None:
    """Adds how well hidden parts of the spectra are filled."""
    bins = test.filled.shape[1]
    if bins < 4 * _GAP:
        return
    rng = context.generator("gaps")
    arrays, rows = context.arrays(), np.arange(len(test.filled))
    starts = rng.integers(0, bins - _GAP, len(rows))
    hidden = starts[:, None] + np.arange(_GAP)
    kept = np.array(arrays["inverse_variance"], np.float32)
    kept[rows[:, None], hidden] = 0
    filled_by_model = inference.apply(context.model.reconstruct, arrays["spectrum"], kept)
    drawn = filled_by_model["reconstruction"] / test.amplitude
    mean, vectors = baselines.principal_vectors(train.filled, min(10, *train.filled.shape))
    latents = min(context.latents().shape[1], len(vectors))
    weights = np.array(test.weights)
    weights[rows[:, None], hidden] = 0
    candidates = {"model": drawn}
    for number in sorted({latents, len(vectors)}):
        amplitudes = baselines.linear_amplitudes(test.filled, weights, mean, vectors[:number])
        candidates[f"{number} PCs"] = mean + amplitudes @ vectors[:number]
    inside = np.zeros(test.filled.shape, bool)
    inside[rows[:, None], hidden] = True
    counted = inside & (test.inverse_variance > 0)
    squares = {
        name: test.inverse_variance * (test.filled - values) ** 2
        for name, values in candidates.items()
    }
    cells = []
    for name, values in squares.items():
        chi2 = float(values[counted].mean()) if counted.any() else np.nan
        section.metrics[f"gap_chi2_{name.replace(' ', '_').lower()}"] = chi2
        cells.append([name, f"{chi2:.3f}"])
    section.tables.append(
        Table(
            ["filled by", "chi2 per hidden bin"],
            cells,
            f"{_GAP} adjacent bins of each spectrum, hidden at random and compared with what was "
            "observed there.",
        )
    )
    section.figures.append(spectrum_figures.gaps(context, test.observed, drawn, inside, counted))


def _add_outliers(
    context: EvaluationContext,
    section: Section,
    train: ScaledSpectra,
    test: ScaledSpectra,
    drawn: np.ndarray,
    chi2: np.ndarray,
) -> None:
    """Adds the strangest spectra, with what is strange about them."""
    train_points, points = context.latents("train"), context.latents()
    scale = train_points.std(axis=0) + 1e-12
    search = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(train_points) - 1)).fit(
        train_points / scale
    )
    usual = search.kneighbors()[0].mean(axis=1)
    distance = search.kneighbors(points / scale)[0].mean(axis=1)
    drawn_train = context.outputs("reconstruct", "train")["reconstruction"] / train.amplitude
    limits = {
        "chi2": np.quantile(train.chi2(drawn_train), _QUANTILE),
        "distance": np.quantile(usual, _QUANTILE),
    }
    strangeness = np.maximum(chi2 / limits["chi2"], distance / limits["distance"])
    order = np.argsort(-strangeness)[:_OUTLIERS]
    good = test.inverse_variance > 0
    deviation = np.sqrt(test.inverse_variance) * (test.filled - drawn)
    rows = []
    for row in order:
        reasons = []
        if chi2[row] > limits["chi2"]:
            place, excess = _largest_residual(deviation[row])
            where = spectrum_figures.place_in_words(context, place)
            reasons.append(f"{'excess' if excess > 0 else 'deficit'} {where}")
        if distance[row] > limits["distance"]:
            reasons.append("far from other latents")
        if good[row].mean() < 0.6:
            reasons.append(f"{good[row].mean():.0%} of the bins")
        rows.append(
            [
                str(context.ids[row]),
                context.class_names[context.labels[row]] if context.class_names else "",
                f"{chi2[row]:.2f}",
                f"{distance[row] / limits['distance']:.2f}",
                "; ".join(reasons) or "none of these",
            ]
        )
    section.tables.append(
        Table(
            ["object", "class", "chi2 per bin", "distance", "what is strange"],
            rows,
            f"The {len(order)} strangest spectra: by chi2 per bin or by the mean distance of the "
            f"{_NEIGHBOURS} nearest training spectra in latent space, each in units of the value "
            f"that {1 - _QUANTILE:.0%} of the training spectra exceed (chi2 {limits['chi2']:.2f}).",
        )
    )
    section.figures.append(spectrum_figures.outliers(context, order, test.observed, drawn))


def _largest_residual(deviation: np.ndarray) -> tuple[int, float]:
    """Returns the middle of the window with the largest sum of deviations, and that sum."""
    width = min(_WINDOW, len(deviation))
    sums = np.convolve(deviation, np.ones(width), mode="valid")
    start = int(np.argmax(np.abs(sums)))
    return start + width // 2, float(sums[start])
