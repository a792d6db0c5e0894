"""Realism: distances between images drawn from the prior and images of the dataset."""

from __future__ import annotations

import numpy as np

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.generation import draw_from_prior, survey_scale
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.anomaly_scores import principal_components
from trainers.evaluators.statistics.distribution_distances import (
    frechet_distance,
    kernel_distance,
)
from trainers.evaluators.statistics.reference_features import are_pictures, reference_features

__all__ = ["evaluate_realism"]

_WEIGHTS = "gz_bayesian_cnn/decals_simulated"
_PIXEL_COMPONENTS = 40


@register(
    "realism",
    title="Realism of generated images",
    needs=("images", "latents", "decode()", "many_objects"),
)
def evaluate_realism(context: EvaluationContext) -> Section:
    """Measures the Frechet and kernel distance of generated images from those of the split.

    The features are those of a network of this project that was trained on simulated galaxies
    (`gz_bayesian_cnn/decals_simulated`) where the images are colour pictures, and principal
    components of the pixels, in units of the RMS scatter of a feature over the images. So the
    distances are not those of Inception's features, and compare models on one dataset alone. Half
    of the images stand for a perfect generator.

    References:
        Heusel et al. 2017 (arXiv:1706.08500); Binkowski et al. 2018 (arXiv:1801.01401).
    """
    # What a crop leaves out is not drawn.
    images = context.images[:, *context.window]
    order = context.generator("realism").permutation(len(images))
    real, other = images[order[::2]], images[order[1::2]]
    gain, offset = survey_scale(context, context.latents())
    drawn = (gain * draw_from_prior(context, len(real))[0] + offset)[:, *context.window]
    spaces = {
        f"{_PIXEL_COMPONENTS} PCs of pixels": principal_components(
            real, _PIXEL_COMPONENTS, context.seed
        )
    }
    if are_pictures(context.spec):
        spaces[_WEIGHTS] = reference_features(_WEIGHTS)
        # As pictures are stored.
        drawn = np.clip(np.round(drawn), 0, 255)
    section = Section(metrics={"images": len(real)})
    rows = []
    for space, features in spaces.items():
        samples = [features(sample) for sample in (real, other, drawn)]
        # One scale for all: in units of its own scatter a feature that hardly varies would count
        # most.
        centre, scale = samples[0].mean(axis=0), np.sqrt(samples[0].var(axis=0).mean())
        of_real, of_other, of_drawn = ((sample - centre) / scale for sample in samples)
        key = "weights" if space == _WEIGHTS else "pixels"
        for name, sample in (("generated", of_drawn), ("other half", of_other)):
            frechet = frechet_distance(of_real, sample)
            kernel, scatter = kernel_distance(of_real, sample, context.generator("realism/kernel"))
            rows.append([space, name, f"{frechet:.2f}", f"{kernel:.4f} +- {scatter:.4f}"])
            suffix = "" if name == "generated" else "_floor"
            section.metrics[f"frechet_{key}{suffix}"] = frechet
            section.metrics[f"kernel_{key}{suffix}"] = kernel
    section.key_numbers["Frechet distance of generated images"] = (
        f"{rows[-2][2]} (other images {rows[-1][2]})"
    )
    section.tables.append(
        Table(
            ["features", "images", "Frechet distance", "kernel distance"],
            rows,
            f"Distances of {len(drawn)} generated and {len(other)} other images from {len(real)} "
            f"of the {context.split} split, in features in units of their RMS scatter; +-: scatter "
            "over random halves.",
        )
    )
    return section
