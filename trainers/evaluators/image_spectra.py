"""Spectra from images: errors of latents and spectra between a floor and a ceiling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import median_abs_deviation, spearmanr

from trainers.evaluators import photometric_inputs
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import image_spectra_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import photometric_baselines as baselines
from trainers.evaluators.statistics import scaled_spectra
from trainers.evaluators.statistics.scaled_spectra import ScaledSpectra
from trainers.prediction import inference

__all__ = ["evaluate_image_spectra"]

_IMAGES, _NOISE = "images", "noise of the spectra"
_FOREST, _NETWORK = "forest on magnitudes", "network on aperture colours"
# Standard deviations of a latent among the training spectra beyond which an object is far out.
_FAR = 10.0


@register(
    "image_spectra", title="Spectra from images", needs=("spectra_of_images", "training_split")
)
def evaluate_image_spectra(context: EvaluationContext) -> Section:
    """Compares latents and spectra from images with those of the objects' own spectra.

    The error of a latent is the root of the mean squared deviation in units of its standard
    deviation among the training spectra: 1 without any skill. Beside it are what photometry alone
    gives, a random forest on the magnitudes and a dense network on colours through apertures in the
    images (`trainers.evaluators.photometric_inputs`), each with E(B-V) in the Galaxy where the
    dataset has it; and the deviation between the latents of the spectra with and without noise,
    where the dataset has both (what no image can be asked to undercut). The forest learns from all
    training objects, the network from 50,000 at most.

    Galaxies with extreme emission lines are tens of standard deviations out, and few of them decide
    a root of a mean of squares. So the robust error stands beside, the median absolute deviation of
    the errors in units of that of the latents, and what objects beyond ten standard deviations
    contribute is said.

    References:
        Wu & Peek 2020 (arXiv 2009.12318).
    """
    model, arrays = context.model, context.arrays()
    # All of the training objects, however many, in one pass.
    training = context.columns("train", (*model.targets, *photometric_inputs.features(context)))
    train, test = (_latents(context, each) for each in (training, arrays))
    centre, spread = train.mean(axis=0), train.std(axis=0) + 1e-12
    answer = context.outputs("call")
    predictions = {_IMAGES: answer["latent_mean"].astype(np.float64)}
    notes = _add_baselines(context, predictions, training, train)
    if "true_spectrum" in arrays:
        clean = inference.apply(
            model.spectra.encode, arrays["true_spectrum"], arrays["inverse_variance"]
        )
        predictions[_NOISE] = clean["latent_mean"].astype(np.float64)
    deviations = {name: (values - test) / spread for name, values in predictions.items()}
    errors = {name: _root_mean_square(values) for name, values in deviations.items()}
    own_spread = median_abs_deviation(train, axis=0) / spread + 1e-12
    robust = {
        name: _joint(median_abs_deviation(values, axis=0) / own_spread)
        for name, values in deviations.items()
    }
    section = Section()
    for name, values in errors.items():
        key = name.replace(" ", "_")
        section.metrics[f"latent_rmse_{key}"] = _joint(values)
        section.metrics[f"latent_robust_error_{key}"] = robust[name]
    section.key_numbers["RMSE of the standardised latents"] = " ".join(
        [f"{_joint(errors[_IMAGES]):.3f}"]
        + [f"({name} {_joint(values):.3f})" for name, values in errors.items() if name != _IMAGES]
    )
    deviation = (predictions[_IMAGES] - test) / answer["latent_stddev"]
    section.metrics["coverage_68"] = float(np.mean(np.abs(deviation) < 1))
    section.metrics["coverage_95"] = float(np.mean(np.abs(deviation) < 1.96))
    section.text.append(
        f"{len(test)} objects, {test.shape[1]} latents. Within one and 1.96 standard deviations of "
        f"the answer are {section.metrics['coverage_68']:.3f} and "
        f"{section.metrics['coverage_95']:.3f} of the latents of the spectra (0.683 and 0.950 for "
        "normal errors)."
    )
    far = _of_far_ones(context, section, (test - centre) / spread, deviations)
    section.text += [notes, *far]
    rows = [
        [name, *(f"{value:.3f}" for value in (_joint(values), *values, robust[name]))]
        for name, values in errors.items()
    ]
    header = ["from", "all", *(str(number + 1) for number in range(test.shape[1])), "robust"]
    caption = (
        "Root mean squared error of each latent, in units of its spread; 1 is no skill. Robust: of "
        "all latents, with median absolute deviations in place of both."
    )
    section.tables.append(Table(header, rows, caption))
    beside = (_NETWORK, errors[_NETWORK])
    section.figures.append(
        image_spectra_figures.latents(context, test, predictions[_IMAGES], errors[_IMAGES], beside)
    )
    _add_spectra(context, section, centre, test, predictions, answer)
    return section


def _latents(context: EvaluationContext, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the latents of objects by their own spectra."""
    inputs = [arrays[name] for name in context.model.targets]
    return inference.apply(context.model.spectra.encode, *inputs)["latent_mean"].astype(np.float64)


def _add_baselines(
    context: EvaluationContext,
    predictions: dict[str, np.ndarray],
    training: Mapping[str, np.ndarray],
    latents: np.ndarray,
) -> str:
    """Adds the latents by photometry to `predictions`; returns what they learn from."""
    texts = []
    for name, method, inputs in (
        (_FOREST, "forest", photometric_inputs.by_magnitudes(context, training)),
        (_NETWORK, baselines.NETWORK, photometric_inputs.by_apertures(context, training)),
    ):
        if inputs is None:
            continue
        number = len(inputs.train)
        predicted = baselines.predict(
            method, inputs.train, latents[:number], inputs.test, context.seed
        )
        predictions[name] = predicted.reshape(-1, latents.shape[1])
        texts.append(
            f"The {method} reads {inputs.text}, fitted to {number} training objects. {inputs.note}"
        )
    return " ".join(text.strip() for text in texts)


def _of_far_ones(
    context: EvaluationContext,
    section: Section,
    places: np.ndarray,
    deviations: Mapping[str, np.ndarray],
) -> list[str]:
    """Adds the errors without objects that are far out; returns how many and which they are.

    Args:
        context: The evaluation.
        section: Its metrics grow.
        places: Latents of the objects' own spectra, standardised, (objects, latents).
        deviations: Those of the predictions, in the same units.
    """
    distance = np.abs(places).max(axis=1)
    is_far = distance > _FAR
    section.metrics["far_objects"] = float(is_far.sum())
    if not is_far.any() or is_far.all():
        return []
    share = np.sum(deviations[_IMAGES][is_far] ** 2) / np.sum(deviations[_IMAGES] ** 2)
    parts = []
    for name, values in deviations.items():
        rest = _joint(_root_mean_square(values[~is_far]))
        section.metrics[f"latent_rmse_without_far_{name.replace(' ', '_')}"] = rest
        parts.append(f"{name} {rest:.3f}")
    return [
        f"{is_far.sum()} of the spectra have a latent beyond {_FAR:g} standard deviations, the "
        f"furthest {context.ids[distance.argmax()]} with {distance.max():.1f}; they make "
        f"{100 * share:.0f} % of the squared error of the images. RMSE without them: "
        f"{', '.join(parts)}."
    ]


def _root_mean_square(deviations: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(deviations**2, axis=0))


def _joint(errors: np.ndarray) -> float:
    return float(_root_mean_square(errors))


def _add_spectra(
    context: EvaluationContext,
    section: Section,
    centre: np.ndarray,
    own: np.ndarray,
    predictions: dict[str, np.ndarray],
    answer: dict[str, np.ndarray],
) -> None:
    """Adds errors of the spectra that are drawn, and of two features of them."""
    model, arrays = context.model, context.arrays()
    observed = ScaledSpectra.of(model.spectra, arrays)
    number = len(observed.filled)
    latents = {"mean of the training latents": np.broadcast_to(centre, own.shape)}
    latents |= {name: values for name, values in predictions.items() if name != _NOISE}
    latents["latents of the spectra"] = own
    drawn = {
        name: inference.apply(model.spectra.decode, values.astype(np.float32))["spectrum"]
        for name, values in latents.items()
    }
    rows = {name: [f"{observed.error(values):.4g}"] for name, values in drawn.items()}
    section.metrics["weighted_mse"] = observed.error(drawn[_IMAGES])
    header = ["spectrum by", "weighted MSE"]
    x = image_spectra_figures.bin_wavelengths(context)
    if x is not None and "true_spectrum" in arrays:
        truth = arrays["true_spectrum"] / observed.amplitude
        for name, measure in (
            ("break_4000", scaled_spectra.break_4000),
            ("h_alpha_width", scaled_spectra.h_alpha_width),
        ):
            expected = measure(truth, x)
            header.append(f"rank correlation of {name.replace('_', ' ')}")
            for kind, values in drawn.items():
                own_measure = measure(values, x)
                if np.ptp(own_measure) == 0:  # The same spectrum for all.
                    rows[kind].append("")
                    continue
                rank = float(spearmanr(own_measure, expected).statistic)
                rows[kind].append(f"{rank:.3f}")
                if kind == _IMAGES:
                    section.metrics[f"rank_correlation_{name}"] = rank
    caption = (
        f"{number} spectra in units of their amplitude: weighted mean squared deviation from what "
        "was observed, and features of the drawn spectra against those without noise."
    )
    section.tables.append(Table(header, [[name, *cells] for name, cells in rows.items()], caption))
    sigma = answer["spectrum_sigma"]
    section.figures.append(
        image_spectra_figures.examples(context, observed.observed, drawn[_IMAGES], sigma)
    )
