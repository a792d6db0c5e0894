"""Decoded images: traversals of the latent space and draws from the prior."""

from __future__ import annotations

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.reconstruction import examples
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section
from trainers.evaluators.statistics import latents
from trainers.prediction import inference

__all__ = ["draw_from_prior", "evaluate_generation", "survey_scale"]

_TRAVERSED = 6
_STEPS = np.linspace(-3, 3, 7)
_ROWS, _COLUMNS = 3, 10
_SCALE_IMAGES = 128


@register("generation", title="Generated images", needs=("images", "latents", "decode()"))
def evaluate_generation(context: EvaluationContext) -> Section:
    """Decodes lines along the most informative latents, and draws from the prior."""
    mean = context.latents()
    stddev = context.latent_stddevs()
    section = Section()
    order = latents.most_informative(mean, stddev, _TRAVERSED)
    centre, spread = np.median(mean, axis=0), mean.std(axis=0)
    points = np.repeat(centre[None], len(order) * len(_STEPS), axis=0)
    for row, latent in enumerate(order):
        rows = slice(row * len(_STEPS), (row + 1) * len(_STEPS))
        points[rows, latent] += _STEPS * spread[latent]
    section.text.append(
        "Traversals start from the median latent and move along one axis at a time, in units of "
        "the standard deviation of the latent means. Decoded images are shown at the typical sky "
        "and noise of the split."
    )
    gain, offset = survey_scale(context, mean)
    section.figures.append(_traversals(context, gain * _decode(context, points) + offset, order))
    drawn, source = draw_from_prior(context, _ROWS * _COLUMNS)
    images = gain * drawn + offset
    section.figures.append(_samples(context, images, source))
    return section


def draw_from_prior(context: EvaluationContext, number: int) -> tuple[np.ndarray, str]:
    """Returns images decoded from draws of the prior, and a name for the prior.

    Args:
        context: The evaluation, of a model with `decode`.
        number: Images.

    Returns:
        The images, (number, height, width, bands) in the units of the decoder, see `survey_scale`;
        and the name.
    """
    if hasattr(context.model, "sample_prior"):
        drawn, source = np.asarray(context.model.sample_prior(number, context.seed)), "its prior"
    else:
        size = (number, context.model.latent_dim)
        drawn, source = context.generator("generation").standard_normal(size), "N(0, I)"
    return _decode(context, drawn), source


def _decode(context, points) -> np.ndarray:
    return inference.apply(context.model.decode, points.astype(np.float32))["image"]


def survey_scale(context: EvaluationContext, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns gain and offset of each band that bring decoded images to survey units.

    A model that normalises every image by its own sky and noise cannot know them for a point in
    latent space, and decodes in units of the noise. What they typically are follows from the
    images of the split, whose reconstructions are in survey units:

        reconstruction = gain * decode(latent mean) + offset,   medians over the images

    Args:
        context: The evaluation.
        mean: (number, dimension) latent means of the split.

    Returns:
        Two arrays (bands,), ones and zeros for a model that does not reconstruct.
    """
    bands = len(context.spec.bands)
    if not hasattr(context.model, "reconstruct"):
        return np.ones(bands), np.zeros(bands)
    chosen = context.subset(_SCALE_IMAGES, "generation/scale")
    decoded = _decode(context, mean[chosen]).astype(np.float64)
    target = context.outputs("reconstruct")["reconstruction"][chosen].astype(np.float64)
    level, target_level = decoded.mean(axis=(1, 2)), target.mean(axis=(1, 2))
    centred = decoded - level[:, None, None]
    power = (centred**2).sum(axis=(1, 2))
    product = (centred * (target - target_level[:, None, None])).sum(axis=(1, 2))
    gains = np.where(power > 0, product / np.where(power > 0, power, 1), 1.0)
    return np.median(gains, axis=0), np.median(target_level - gains * level, axis=0)


def _scale(context, images) -> Stretch:
    # Decoded images have no noise of their own from which to take the scale: each is shown on
    # that of a real image whose brightness is next to its own.
    real = context.images
    brightness = np.quantile(real[..., context.reference_band], 0.999, axis=(1, 2))
    own = np.quantile(images[..., context.reference_band], 0.999, axis=(1, 2))
    nearest = np.abs(brightness[None] - own[:, None]).argmin(axis=1)
    return Stretch(real[nearest], context.spec.bands)


def _traversals(context, images, order):
    stretch = _scale(context, images)
    pictures = stretch.pictures(images)
    figure, axes = plot_style.new_figure(len(order), len(_STEPS), width=0.95, height=0.98)
    for row, latent in enumerate(order):
        for column, step in enumerate(_STEPS):
            panel = plot_style.blank(axes[row * len(_STEPS) + column])
            panel.imshow(pictures[row * len(_STEPS) + column], origin=stretch.origin)
            if row == 0:
                panel.set_title(f"{step:+.0f}" if step else "0", fontsize=9)
            if column == 0:
                panel.set_ylabel(f"latent {latent}", fontsize=9)
    figure.supxlabel("Offset from the median / standard deviation", fontsize=9)
    return context.save_figure(
        figure,
        "traversals",
        "Traversals of the most informative latents, the other latents at their medians.",
    )


def _samples(context, images, source):
    real = context.images[examples(context, len(images), "generation/real")]
    figure, axes = plot_style.new_figure(1, 2, width=0.62 * _COLUMNS, height=0.7 * _ROWS)
    for panel, stretch, originals, title in (
        (axes[0], _scale(context, images), images, "drawn from the prior"),
        (axes[1], Stretch(real, context.spec.bands), real, f"{context.split} images"),
    ):
        shown = stretch.pictures(originals)
        height, width = shown.shape[1:3]
        sheet = np.ones((_ROWS * (height + 2), _COLUMNS * (width + 2), 3))
        for index, picture in enumerate(shown[: _ROWS * _COLUMNS]):
            top, left = (index // _COLUMNS) * (height + 2), (index % _COLUMNS) * (width + 2)
            sheet[top : top + height, left : left + width] = picture
        plot_style.blank(panel).imshow(sheet, origin=stretch.origin)
        panel.set_title(title)
    return context.save_figure(
        figure,
        "prior_samples",
        f"Images decoded from {len(images)} draws from {source} (left) beside images of the "
        f"{context.split} split (right); decoded images carry no pixel noise.",
    )
