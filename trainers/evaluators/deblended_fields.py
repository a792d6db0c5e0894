"""Sources of whole fields by a deblending model against the true ones, beside SEP."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from trainers.blends import sep_baseline
from trainers.blends.target_photometry import kron_flux
from trainers.deblending.deblender import Deblender
from trainers.deblending.detection import significance
from trainers.deblending.latent_space import LatentSpace
from trainers.deblending.measurements import SceneSources, measure_sources
from trainers.deblending.scene import STOPS, deblend_scene
from trainers.deblending.settings import SceneSettings
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.detection import MATCH_RADIUS, SURE, magnitudes
from trainers.evaluators.figures.deblended_field import draw_fields
from trainers.evaluators.figures.detection_figures import draw_completeness
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.detections import Comparison, DetectedSources, TrueSources
from trainers.evaluators.statistics.flux_errors import FluxErrors, magnitude_error, robust_scatter
from trainers.evaluators.statistics.rates import rate

__all__ = ["evaluate_deblended_fields"]

_FIELDS = 60
_SHOWN = 3
# Distance of the nearest other source from which on an aperture has one source alone, px.
_ALONE = 15.0
# In front of the metrics of each method.
_PREFIXES = {"model": "", "MAP": "map_", "SEP": "sep_"}
_HEADER = ("band", "", "sources", "median", "scatter", "robust scatter", "relative, %", "> 0.75, %")


@dataclasses.dataclass(frozen=True)
class _Method:
    """Sources of all fields by one method, n in all.

    Attributes:
        detected: Their positions.
        comparison: With the truth.
        flux: (n, bands).
    """

    detected: DetectedSources
    comparison: Comparison
    flux: np.ndarray

    def errors(self, true: TrueSources, fluxes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Returns flux and true flux of detected true sources, (2, number, bands)."""
        chosen = chosen & self.comparison.detected
        return np.stack([self.flux[self.comparison.partner[chosen]], fluxes[chosen]])


@register("deblended_fields", title="Deblending of whole fields", needs=("deblends_fields",))
def evaluate_deblended_fields(context: EvaluationContext) -> Section:
    """Deblends fields until their residual is noise, and matches the sources with the true ones.

    As `trainers.frames` does (`trainers.deblending.scene`), with its default settings and the true
    noise. SEP at 1.5 sigma with SExtractor's deblending sees the same fields, detects in the same
    sum of the bands, and measures fluxes in Kron's ellipse with the pixels of other detections
    masked; an aperture misses light, so that its median error for sources without a neighbour
    within 15 px is taken off in each band, which needs the truth and is in its favour. Fluxes are
    those of sources of 10 sigma or more. A model with a flow prior deblends the fields a second
    time, with the setting `fit="map"`.
    """
    rows = context.subset(_FIELDS, "deblended fields")
    images, noise = context.images[rows], context.noise()[0][rows]
    arrays, band = context.arrays(), context.reference_band
    known = np.isfinite(images).all(axis=-1)
    true = TrueSources.of(arrays, rows, known, band)
    exists = np.asarray(arrays["class"])[rows] >= 0
    fluxes = np.asarray(arrays["flux"])[rows][exists]
    truth = np.asarray(arrays["segmentation"])[rows]
    scenes, sources = _deblended(context, images, noise, "drawn")
    catalogue = SceneSources.joined(sources)
    methods = {"model": _method(sources, true, truth)}
    if context.lacks("flow_prior") is None:
        methods["MAP"] = _method(_deblended(context, images, noise, "map")[1], true, truth)
    model = methods["model"].detected
    sep, sep_flux = _by_sep(images, noise, known)
    by_sep = _Method(sep, Comparison.of(sep, true, truth, MATCH_RADIUS), sep_flux)
    methods["SEP"] = _corrected(by_sep, true, fluxes)
    section = Section()
    section.text.append(_description(context, section, scenes, true))
    section.tables += [
        _detections(section, methods, true),
        _by_pass(methods["model"], catalogue, true),
        _fluxes(context, section, methods, true, fluxes),
        _by_blendedness(context, section, methods, true, fluxes, arrays, rows),
    ]
    pulls = _pulls(methods["model"], catalogue, true, fluxes)
    section.metrics["flux_pull_scatter"] = robust_scatter(pulls)
    section.text.append(
        f"The errors of the fluxes are {robust_scatter(pulls):.2f} times what the catalogue states."
    )
    metrics, name = section.metrics, context.spec.bands[band]
    section.key_numbers = {
        "completeness from 10 sigma": f"{metrics['completeness']:.3f}, SEP "
        f"{metrics['sep_completeness']:.3f}",
        "false positives": f"{100 * metrics['false_positives']:.1f} %, SEP "
        f"{100 * metrics['sep_false_positives']:.1f} %",
        f"robust scatter in {name}": f"{metrics[f'robust_scatter_{name}']:.3f} mag, SEP "
        f"{metrics[f'sep_robust_scatter_{name}']:.3f}",
    }
    label, magnitude = magnitudes(context, true, band)
    results = {key: (each.detected, each.comparison) for key, each in methods.items()}
    section.figures.append(draw_completeness(context, results, true, magnitude, label))
    order = np.argsort([each.mean_square[-1] for each in scenes], kind="stable")
    shown = order[np.linspace(0, len(order) - 1, min(_SHOWN, len(order))).astype(int)]
    section.figures.append(
        draw_fields(context, rows, shown, scenes, methods["model"].comparison, model, true)
    )
    return section


def _deblended(context, images, noise, fit: str):
    model, settings = context.model, SceneSettings(fit=fit)
    deblender = Deblender.of(
        model,
        model.image_shape,
        name=context.model_name,
        path=context.run_dir,
        version="",
        checksum="",
        data={},
        latents=LatentSpace.of_model(model),
    )
    scenes, sources = [], []
    for image, sigma in zip(images, noise, strict=True):
        sigma = np.broadcast_to(sigma, image.shape)
        scenes.append(deblend_scene(image, sigma, deblender, settings))
        sources.append(measure_sources(scenes[-1], sigma))
    return scenes, sources


def _method(sources: list[SceneSources], true: TrueSources, truth: np.ndarray) -> _Method:
    detected = DetectedSources.joined(
        [
            (np.stack([each.x, each.y], axis=-1), each.snr, np.full(len(each), -1))
            for each in sources
        ]
    )
    comparison = Comparison.of(detected, true, truth, MATCH_RADIUS)
    return _Method(detected, comparison, SceneSources.joined(sources).flux)


def _by_sep(images, noise, known) -> tuple[DetectedSources, np.ndarray]:
    parts, fluxes = [], [np.zeros((0, images.shape[-1]))]
    for image, sigma, counts in zip(images, noise, known, strict=True):
        image = np.where(counts[..., None], image, 0.0)
        detection = significance(image, sigma, counts)
        extracted = sep_baseline.extract(detection, 1.0, mask=~counts, segmentation_map=True)
        objects, regions = ([], None) if extracted is None else extracted
        place = np.array([[each["x"], each["y"]] for each in objects]).reshape(-1, 2)
        ratio = np.array([each["flux"] / np.sqrt(each["npix"]) for each in objects])
        parts.append((place, ratio, np.full(len(place), -1)))
        fluxes += [
            kron_flux(image, detection, each, number, regions)[None]
            for number, each in enumerate(objects, 1)
        ]
    return DetectedSources.joined(parts), np.concatenate(fluxes)


def _corrected(method: _Method, true: TrueSources, fluxes: np.ndarray) -> _Method:
    """Returns the method with the aperture correction of sources without neighbours."""
    alone = true.inside & (true.snr >= SURE) & (true.separation >= _ALONE)
    errors = magnitude_error(*method.errors(true, fluxes, alone))
    some = np.isfinite(errors).any(axis=0)
    offset = np.zeros(fluxes.shape[1])
    offset[some] = np.nanmedian(errors[:, some], axis=0)
    return dataclasses.replace(method, flux=method.flux * 10 ** (0.4 * offset))


def _description(context, section: Section, scenes, true: TrueSources) -> str:
    before, after = (np.median([each.mean_square[at] for each in scenes]) for at in (0, -1))
    section.metrics |= {"mean_square_before": before, "mean_square_after": after}
    stops = [each.stop for each in scenes]
    ends = "; ".join(
        f"{text} ({stops.count(name)})" for name, text in STOPS.items() if name in stops
    )
    return (
        f"{len(scenes)} {context.split} fields with {true.inside.sum()} true sources, "
        f"{(true.inside & (true.snr >= SURE)).sum()} of them of {SURE:g} sigma or more. The mean "
        f"square of the pixels in units of their error is {before:.2f} in the median field, and "
        f"{after:.3f} without the sources. Fields ended because {ends}."
    )


def _detections(section: Section, methods: Mapping[str, _Method], true: TrueSources) -> Table:
    rows, sure = [], true.inside & (true.snr >= SURE)
    close = sure & (true.separation < _ALONE)
    for name, method in methods.items():
        prefix, comparison = _PREFIXES[name], method.comparison
        spurious = rate(comparison.spurious[~comparison.partial])
        complete, blended = (rate(comparison.detected[chosen]) for chosen in (sure, close))
        section.metrics |= complete.as_metrics(f"{prefix}completeness")
        section.metrics |= blended.as_metrics(f"{prefix}completeness_close")
        section.metrics |= spurious.as_metrics(f"{prefix}false_positives")
        percent = [100 * each for each in (spurious.value, spurious.low, spurious.high)]
        cells = [str((~comparison.partial).sum()), str(complete), str(blended)]
        rows.append([name, *cells, "{:.1f} ({:.1f} to {:.1f})".format(*percent)])
    header = (
        "",
        "detections",
        f"completeness from {SURE:g} sigma (95 % interval)",
        f"of those with a neighbour within {_ALONE:g} px",
        "false positives, %",
    )
    caption = (
        f"A detection within {MATCH_RADIUS:g} px is that of a true source, one to one; parts of "
        "sources whose centre is outside of the field are left out. Wilson's intervals."
    )
    return Table(header, rows, caption)


def _by_pass(method: _Method, sources: SceneSources, true: TrueSources) -> Table:
    rows, comparison = [], method.comparison
    snr = np.full(len(sources), np.nan)
    snr[comparison.partner[comparison.detected]] = true.snr[comparison.detected]
    for number in np.unique(sources.number):
        chosen = (sources.number == number) & ~comparison.partial
        if chosen.any():
            real = snr[chosen & np.isfinite(snr)]
            typical = f"{np.median(real):.1f}" if len(real) else "-"
            spurious = 100 * comparison.spurious[chosen].mean()
            rows.append([str(number), str(chosen.sum()), f"{spurious:.1f}", typical])
    header = ("pass", "sources", "false positives, %", "median true signal-to-noise ratio")
    return Table(header, rows, "Sources of the model by the pass that detected them.")


def _fluxes(context, section: Section, methods, true: TrueSources, fluxes) -> Table:
    rows, sure = [], true.inside & (true.snr >= SURE)
    both = sure & _detected_by_both(methods)
    cases = [
        ("model", "model", sure, ""),
        ("model, those that SEP detects", "model", both, "of_sep_"),
        ("model, MAP", "MAP", sure, "map_"),
        ("SEP", "SEP", sure, "sep_"),
        ("SEP, those that the model detects", "SEP", both, "sep_of_model_"),
    ]
    for index, band in enumerate(context.spec.bands):
        for title, name, chosen, prefix in cases:
            if name not in methods:
                continue
            flux, expected = methods[name].errors(true, fluxes, chosen)[..., index]
            if (flux > 0).sum() < 2:
                continue
            errors = FluxErrors.of(flux, expected)
            for key, value in dataclasses.asdict(errors).items():
                section.metrics[f"{prefix}{key}_{band}"] = float(value)
            rows.append([band, title, *_cells(errors)])
    caption = (
        "Magnitude errors of the fluxes of detected sources: median, standard deviation, 1.4826 "
        "times the median absolute deviation; median of the relative error of the flux; share of "
        "those more than 0.75 mag off, or without a positive flux."
    )
    return Table(_HEADER, rows, caption)


def _by_blendedness(context, section: Section, methods, true, fluxes, arrays, rows) -> Table:
    exists = np.asarray(arrays["class"])[rows] >= 0
    blendedness = np.asarray(arrays["blendedness"])[rows][exists]
    band, lines = context.reference_band, []
    name = context.spec.bands[band]
    both = _detected_by_both(methods) & true.inside & (true.snr >= SURE)
    for low, high in ((0.0, 0.01), (0.01, 0.05), (0.05, 0.2), (0.2, 1.0)):
        chosen = both & (blendedness >= low) & (blendedness < high)
        for key, method in methods.items():
            flux, expected = method.errors(true, fluxes, chosen)[..., band]
            if (flux > 0).sum() >= 2:
                errors = FluxErrors.of(flux, expected)
                section.metrics[f"{key.lower()}_robust_scatter_{name}_from_{low:g}"] = (
                    errors.robust_scatter
                )
                lines.append([f"{low:g} to {high:g}", key, *_cells(errors)])
    caption = f"The same in {name} by the true blendedness, sources that both detect."
    return Table(("blendedness", *_HEADER[1:]), lines, caption)


def _detected_by_both(methods: Mapping[str, _Method]) -> np.ndarray:
    """Returns which true sources the model and SEP detect, (number of true sources,) bool."""
    model, sep = (methods[name].comparison.detected for name in ("model", "SEP"))
    return model & sep


def _cells(errors: FluxErrors) -> list[str]:
    return [
        str(errors.number),
        f"{errors.median:+.3f}",
        f"{errors.scatter:.3f}",
        f"{errors.robust_scatter:.3f}",
        f"{100 * errors.relative:.1f}",
        f"{100 * errors.far_off:.1f}",
    ]


def _pulls(method: _Method, sources: SceneSources, true: TrueSources, fluxes) -> np.ndarray:
    """Returns errors in units of the stated ones, of all bands, flat."""
    chosen = true.inside & (true.snr >= SURE) & method.comparison.detected
    row = method.comparison.partner[chosen]
    return ((sources.flux[row] - fluxes[chosen]) / sources.flux_err[row]).ravel()
