"""Spectra from images: errors of latents and spectra between a floor and a ceiling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import spearmanr

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import image_spectra_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics import photometric_baselines as baselines
from trainers.evaluators.statistics import scaled_spectra
from trainers.evaluators.statistics.scaled_spectra import ScaledSpectra
from trainers.prediction import inference

__all__ = ["evaluate_image_spectra"]

# Features that the forest reads; the second where there is one.
_MAGNITUDES, _REDDENING = "magnitude", "galactic_reddening"
_IMAGES, _PHOTOMETRY, _NOISE = "images", "forest on magnitudes", "noise of the spectra"


@register(
    "image_spectra", title="Spectra from images", needs=("spectra_of_images", "training_split")
)
def evaluate_image_spectra(context: EvaluationContext) -> Section:
    """Compares latents and spectra from images with those of the objects' own spectra.

    The error of a latent is the root of the mean squared deviation in units of its standard
    deviation among the training spectra: 1 without any skill. Beside it are a random forest on the
    magnitudes (what photometry alone gives), and the deviation between the latents of the spectra
    with and without noise, where the dataset has both (what no image can be asked to undercut).

    References:
        Wu & Peek 2020 (arXiv 2009.12318).
    """
    model, arrays = context.model, context.arrays()
    photometry = [name for name in (_MAGNITUDES, _REDDENING) if name in context.spec.feature_names]
    # All of the training objects, however many, in one pass.
    training = context.columns("train", (*model.targets, *photometry))
    train, test = (_latents(context, each) for each in (training, arrays))
    centre, spread = train.mean(axis=0), train.std(axis=0) + 1e-12
    answer = context.outputs("call")
    predictions = {_IMAGES: answer["latent_mean"].astype(np.float64)}
    if _MAGNITUDES in photometry:
        predictions[_PHOTOMETRY] = _of_photometry(context, training, train)
    if "true_spectrum" in arrays:
        clean = inference.apply(
            model.spectra.encode, arrays["true_spectrum"], arrays["inverse_variance"]
        )
        predictions[_NOISE] = clean["latent_mean"].astype(np.float64)
    errors = {
        name: np.sqrt(np.mean(((values - test) / spread) ** 2, axis=0))
        for name, values in predictions.items()
    }
    section = Section()
    for name, values in errors.items():
        key = name.replace(" ", "_")
        section.metrics[f"latent_rmse_{key}"] = _joint(values)
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
    rows = [
        [name, f"{_joint(values):.3f}", *(f"{value:.3f}" for value in values)]
        for name, values in errors.items()
    ]
    header = ["from", "all", *(str(number + 1) for number in range(test.shape[1]))]
    caption = "Root mean squared error of each latent, in units of its spread; 1 is no skill."
    section.tables.append(Table(header, rows, caption))
    section.figures.append(
        image_spectra_figures.latents(context, test, predictions[_IMAGES], errors[_IMAGES])
    )
    _add_spectra(context, section, centre, test, predictions, answer)
    return section


def _latents(context: EvaluationContext, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the latents of objects by their own spectra."""
    inputs = [arrays[name] for name in context.model.targets]
    return inference.apply(context.model.spectra.encode, *inputs)["latent_mean"].astype(np.float64)


def _of_photometry(
    context: EvaluationContext, training: Mapping[str, np.ndarray], latents: np.ndarray
) -> np.ndarray:
    """Returns the latents of the split by a forest on colours, a magnitude and reddening."""
    reference = context.reference_band
    further = [name for name in (_REDDENING,) if name in training]
    train, test = (
        baselines.colours(arrays[_MAGNITUDES], reference, [arrays[name] for name in further])[0]
        for arrays in (training, context.arrays())
    )
    predicted = baselines.predict("forest", train, latents, test, context.seed)
    return predicted.reshape(-1, latents.shape[1])


def _joint(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


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
