"""Targets of stamps by the fit in latent space, beside the answer of the model and SEP."""

from __future__ import annotations

import dataclasses

import numpy as np

from trainers.blends.deblending_truth import DeblendingTruth
from trainers.blends.target_photometry import measure_targets
from trainers.deblending.latent_space import LatentSpace, standard_normal
from trainers.deblending.stamps import fit_stamps
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.deblending import LEAST_SNR, corrected_for_aperture
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.flux_errors import FluxErrors, robust_scatter
from trainers.evaluators.statistics.galaxy_shapes import ksb_shears

__all__ = ["evaluate_latent_fit"]

# The fit takes a second for a stamp.
_STAMPS = 100


@register("latent_fit", title="Fit in latent space", needs=("deblends", "flow_prior"))
def evaluate_latent_fit(context: EvaluationContext) -> Section:
    """Compares the most probable targets with the truth (`trainers.deblending.stamps`).

    The sources of a stamp are its middle and what SEP detects besides. Beside the flow stands
    N(0, I) as the prior, and on the same stamps the answer of the model, and SEP with its aperture
    correction. Fluxes are those of the reference band in which the target alone has a
    signal-to-noise ratio of 5, ellipticities by KSB.
    """
    rows = context.subset(_STAMPS, "latent fit")
    arrays, band = context.arrays(), context.reference_band
    images, noise = context.images[rows], context.noise()[0][rows]
    truth = DeblendingTruth.of(arrays, noise, rows)
    x, y = (np.asarray(arrays[name])[rows, 0] for name in ("x", "y"))
    psf = np.asarray(arrays["psf"])[rows][..., band]

    latents = LatentSpace.of_model(context.model)
    plain = dataclasses.replace(latents, log_prior=standard_normal)
    outputs = context.outputs("call")
    targets = {
        "model": outputs["deblended"][rows],
        "flow": fit_stamps(images, noise, latents),
        "normal": fit_stamps(images, noise, plain),
    }
    flux = {name: target.sum(axis=(1, 2)) for name, target in targets.items()}
    flux["model"] = outputs["flux"][rows]
    sep = measure_targets(images, noise, x, y, deblend=True)
    flux["sep"] = corrected_for_aperture(sep, truth)
    targets["sep"] = np.where(sep.others[..., None], 0.0, images)

    true_shears = ksb_shears(truth.target[..., band], psf, x, y)
    judged = truth.snr[:, band] >= LEAST_SNR
    section, lines = Section(), []
    for name, title in (
        ("model", "answer of the model"),
        ("flow", "most probable, flow prior"),
        ("normal", "most probable, N(0, I)"),
        ("sep", "SEP"),
    ):
        error = ksb_shears(targets[name][..., band], psf, x, y) - true_shears
        error = error[np.isfinite(error).all(axis=1)]
        shape = [robust_scatter(error[:, axis]) for axis in (0, 1)] if len(error) > 1 else []
        for which, members in (("all", judged), ("pairs", judged & truth.pairs)):
            values = flux[name][members, band]
            if (values > 0).sum() < 2:
                continue
            errors = FluxErrors.of(values, truth.flux[members, band])
            for key, value in dataclasses.asdict(errors).items():
                section.metrics[f"latent_fit_{name}_{which}_{key}"] = float(value)
            cells = [f"{errors.median:+.3f}", f"{errors.robust_scatter:.3f}"]
            cells += [f"{100 * errors.far_off:.1f}"]
            cells += [f"{value:.4f}" for value in shape] if which == "all" else ["", ""]
            lines.append([title, which, str(errors.number), *cells])
        for axis, value in enumerate(shape, 1):
            section.metrics[f"latent_fit_{name}_e{axis}_scatter"] = value
    header = ["", "stamps", "measured", "median", "robust scatter", "> 0.75, %"]
    caption = (
        f"Magnitude errors in {context.spec.bands[band]}: median, 1.4826 times the median absolute "
        "deviation, share more than 0.75 mag off; robust scatter of the errors of the "
        "ellipticities. A target that SEP does not detect is left out there alone."
    )
    section.tables.append(Table([*header, "scatter e1", "scatter e2"], lines, caption))
    metrics = section.metrics
    section.text.append(
        f"{len(rows)} {context.split} stamps, {truth.pairs.sum()} of two galaxies. The most "
        "probable sources of a stamp together (maximum a posteriori) in the latent space of the "
        "model, for the prior that was fitted to the latents of its training and for N(0, I)."
    )
    if "latent_fit_flow_pairs_robust_scatter" in metrics:
        section.key_numbers = {
            "robust scatter of pairs by the fit in latent space": (
                f"{metrics['latent_fit_flow_pairs_robust_scatter']:.3f} mag"
            )
        }
    return section
