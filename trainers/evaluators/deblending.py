"""Deblended galaxies against the truth, beside SEP and an aperture on the blend."""

from __future__ import annotations

import dataclasses

import numpy as np

from trainers.blends.deblending_truth import DeblendingTruth, Method
from trainers.blends.target_photometry import TargetPhotometry, measure_targets
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.deblended_stamps import draw_deblended
from trainers.evaluators.figures.deblending_errors import draw_errors
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.flux_errors import (
    FluxErrors,
    bootstrap,
    colour_error,
    magnitude_error,
    robust_scatter,
)
from trainers.evaluators.statistics.galaxy_shapes import ksb_shears
from trainers.evaluators.statistics.similarity import structural_similarity

__all__ = ["LEAST_SNR", "corrected_for_aperture", "evaluate_deblending"]

LEAST_SNR = 5.0
"""Signal-to-noise ratio of the target alone in a band, below which its flux there is not judged."""

_STAMPS = 2000
_SHAPES = 1000
_SSIM = 500

_HEADER = (
    "measured",
    "failures",
    "median",
    "scatter",
    "robust scatter",
    "relative, %",
    "> 0.75, %",
)
_CAPTION = (
    "Magnitude errors of the fluxes: median, standard deviation, 1.4826 times the median absolute "
    "deviation; median of the relative error of the flux; share of those measured that are more "
    "than 0.75 mag off. Galaxies of a signal-to-noise ratio of 5 in the band."
)


@register("deblending", title="Deblending", needs=("deblends",))
def evaluate_deblending(context: EvaluationContext) -> Section:
    """Compares fluxes, colours, images and shapes of the targets with the truth.

    Two baselines measure the same stamps: SEP with deblending, and the same aperture on the blend
    (`trainers.blends.target_photometry`). Both lose light outside of the aperture; their median
    magnitude error in stamps without neighbours is taken off in each band. Fluxes are judged in
    bands in which the target alone has a signal-to-noise ratio of 5.
    """
    rows = context.subset(_STAMPS, "deblending")
    arrays, band = context.arrays(), context.reference_band
    images, noise = context.images[rows], context.noise()[0][rows]
    truth = DeblendingTruth.of(arrays, noise, rows)
    outputs = {name: values[rows] for name, values in context.outputs("call").items()}
    x, y = (np.asarray(arrays[name])[rows, 0] for name in ("x", "y"))
    sep, blend = (measure_targets(images, noise, x, y, deblend=each) for each in (True, False))

    shown = np.arange(len(rows))[:_SHAPES]
    psf = np.asarray(arrays["psf"])[rows[shown]][..., band]

    def shears(pixels: np.ndarray) -> np.ndarray:
        measured = np.full((len(rows), 2), np.nan)
        measured[shown] = ksb_shears(pixels[shown][..., band], psf, x[shown], y[shown])
        return measured

    without_others = np.where(sep.others[..., None], 0.0, images)
    methods = [
        Method("", "model", outputs["flux"].astype(np.float64), shears(outputs["deblended"])),
        Method("sep_", "SEP", corrected_for_aperture(sep, truth), shears(without_others)),
        Method(
            "blend_", "aperture on the blend", corrected_for_aperture(blend, truth), shears(images)
        ),
    ]
    true_shears = shears(truth.target)
    section = Section()
    section.metrics |= _image_metrics(context, rows, images, noise, truth, outputs)
    section.tables += [
        _flux_table(context, section, methods, truth),
        _pair_table(context, section, methods, truth),
        _colour_table(context, section, methods, truth),
        _shape_table(context, section, methods, truth, true_shears),
    ]
    section.text.append(_description(context, section, methods, truth))
    metrics, name = section.metrics, context.spec.bands[band]
    section.key_numbers = {
        f"scatter of the {name} magnitude, pairs": f"{metrics[f'pairs_scatter_{name}']:.3f} mag",
        "SEP on the same": f"{metrics[f'sep_pairs_scatter_{name}']:.3f} mag",
    }
    drawn = (context, rows, truth, methods, true_shears)
    section.figures += draw_errors(*drawn)
    section.figures.append(draw_deblended(*drawn, outputs["deblended"], without_others))
    return section


def corrected_for_aperture(measured: TargetPhotometry, truth: DeblendingTruth) -> np.ndarray:
    """Returns fluxes with the aperture correction of stamps without neighbours, of each band."""
    error = magnitude_error(measured.flux, truth.flux)
    error = np.where(truth.alone[:, None] & (truth.snr >= LEAST_SNR), error, np.nan)
    some = np.isfinite(error).any(axis=0)
    offset = np.zeros(error.shape[1])
    offset[some] = np.nanmedian(error[:, some], axis=0)
    return measured.flux * 10 ** (0.4 * offset)


def _image_metrics(context, rows, images, noise, truth, outputs) -> dict[str, float]:
    residual = images - truth.others - outputs["deblended"]
    chi2 = np.mean((residual / noise[:, None, None]) ** 2, axis=(1, 2, 3))
    similarity = structural_similarity(truth.target[:_SSIM], outputs["deblended"][:_SSIM])
    pull = (outputs["flux"] - truth.flux) / np.maximum(outputs["flux_sigma"], 1e-30)
    return {
        "chi2_per_pixel": np.median(chi2),
        "ssim": similarity.mean(),
        "flux_pull_scatter": robust_scatter(pull[truth.snr >= LEAST_SNR]),
    }


def _flux_table(context, section, methods, truth) -> Table:
    """Returns the table of all stamps; enters its numbers among the metrics."""
    rows = []
    for index, band in enumerate(context.spec.bands):
        judged = truth.snr[:, index] >= LEAST_SNR
        for method in methods:
            cells = _judge(section, method, band, index, judged, truth)
            rows += [] if cells is None else [[band, method.title, *cells]]
    return Table(["band", "", *_HEADER], rows, f"All stamps. {_CAPTION}")


def _pair_table(context, section, methods, truth) -> Table:
    """Returns the table of two galaxies; enters its numbers among the metrics."""
    rows = []
    model, sep = methods[:2]
    for index, band in enumerate(context.spec.bands):
        pairs = truth.pairs & (truth.snr[:, index] >= LEAST_SNR)
        by_sep = pairs & np.isfinite(sep.flux[:, index])
        for title, method, members, prefix in (
            ("model", model, pairs, "pairs_"),
            ("model, those that SEP finds", model, by_sep, "pairs_of_sep_"),
            ("SEP", sep, pairs, "pairs_"),
        ):
            cells = _judge(section, method, band, index, members, truth, prefix)
            rows += [] if cells is None else [[band, title, *cells]]
    return Table(["band", "", *_HEADER], rows, f"Stamps of two galaxies. {_CAPTION}")


def _judge(section, method, band, index, members, truth, prefix="") -> list[str] | None:
    """Returns the cells of a method in one band, None with fewer than two good fluxes."""
    flux, true = method.flux[members, index], truth.flux[members, index]
    if (flux > 0).sum() < 2:
        return None
    errors = FluxErrors.of(flux, true)
    failures = int(np.isnan(flux).sum())
    for name, value in dataclasses.asdict(errors).items():
        section.metrics[f"{method.name}{prefix}{name}_{band}"] = float(value)
    return [
        str(errors.number),
        str(failures),
        f"{errors.median:+.3f}",
        f"{errors.scatter:.3f}",
        f"{errors.robust_scatter:.3f}",
        f"{100 * errors.relative:.1f}",
        f"{100 * errors.far_off:.1f}",
    ]


def _colour_table(context, section, methods, truth) -> Table:
    bands, rows = context.spec.bands, []
    for blue in range(len(bands) - 1):
        judged = (truth.snr[:, blue : blue + 2] >= LEAST_SNR).all(axis=1)
        colour = f"{bands[blue]} - {bands[blue + 1]}"
        cells = []
        for method in methods:
            errors = colour_error(method.flux[judged], truth.flux[judged], blue, blue + 1)
            errors = errors[np.isfinite(errors)]
            if len(errors) < 2:
                cells.append("-")
                continue
            name = f"{method.name}colour_scatter_{bands[blue]}_{bands[blue + 1]}"
            section.metrics[name] = robust_scatter(errors)
            cells.append(f"{np.median(errors):+.3f}, {section.metrics[name]:.3f}")
        rows.append([colour, *cells])
    header = ["colour", *(method.title for method in methods)]
    return Table(header, rows, "Errors of colours, mag: median and robust scatter.")


def _shape_table(context, section, methods, truth, true_shears) -> Table:
    generator, rows = context.generator("deblending shapes"), []
    converged = np.isfinite(true_shears).all(axis=1)
    for method in methods:
        errors = method.shears - true_shears
        good = np.isfinite(errors).all(axis=1)
        if good.sum() < 2:
            continue
        cells = []
        for statistic, name in ((np.median, "median"), (robust_scatter, "scatter")):
            intervals = [bootstrap(statistic, errors[good, axis], generator) for axis in (0, 1)]
            cells += [
                f"{each.value:+.4f}" if name == "median" else f"{each.value:.4f}"
                for each in intervals
            ]
            for axis, interval in enumerate(intervals, 1):
                section.metrics |= interval.as_metrics(f"{method.name}e{axis}_{name}")
        rows.append([method.title, str(good.sum()), str((converged & ~good).sum()), *cells])
    band = context.spec.bands[context.reference_band]
    return Table(
        ["", "galaxies", "failures", "median e1", "median e2", "scatter e1", "scatter e2"],
        rows,
        f"Errors of the ellipticities in {band}, by KSB on the answer and on the noiseless galaxy "
        f"alone: median and robust scatter. {converged.sum()} galaxies have a true one.",
    )


def _description(context, section, methods, truth) -> str:
    metrics = section.metrics
    return (
        f"{len(truth.flux)} {context.split} stamps, {truth.alone.sum()} of them without "
        f"neighbours, {truth.pairs.sum()} of two galaxies. Nothing was detected at the target's "
        f"place by SEP in {methods[1].failures} stamps, without deblending in "
        f"{methods[2].failures}. What the model leaves of the image, the true neighbours taken "
        f"off, has a chi2 of {metrics['chi2_per_pixel']:.3f} per pixel in the median stamp (1 is "
        f"the noise of the sky alone); SSIM with the noiseless galaxy {metrics['ssim']:.4f}. The "
        f"errors of the fluxes are {metrics['flux_pull_scatter']:.2f} times what the model states."
    )
