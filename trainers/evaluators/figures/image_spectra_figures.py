"""Figures of spectra that are drawn from images."""

from __future__ import annotations

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import display, spectrum_figures
from trainers.evaluators.section import FigureFile

__all__ = ["bin_wavelengths", "examples", "latents"]

_SHOWN = 5
# Percentiles of the latents between which they are drawn.
_SHOWN_RANGE = (0.5, 99.5)


def bin_wavelengths(context: EvaluationContext) -> np.ndarray | None:
    """Returns the wavelengths of the bins, or None if the dataset does not state them."""
    if context.spec.wavelengths is None:
        return None
    return spectrum_figures.axis(context, context.model.spectra.bins)[0]


def latents(
    context: EvaluationContext,
    own: np.ndarray,
    predicted: np.ndarray,
    errors: np.ndarray,
    beside: tuple[str, np.ndarray],
) -> FigureFile:
    """Draws the latents from images against those of the spectra.

    Args:
        context: The evaluation.
        own: Latents of the spectra, (objects, latents).
        predicted: Latents from the images, alike.
        errors: Of each latent, in units of its spread, (latents,).
        beside: Name of a baseline, and its errors alike.
    """
    figure, panels = plot_style.new_panels(own.shape[1], columns=3, width=2.8, height=2.8)
    for number, panel in enumerate(panels):
        low, high = np.percentile(own[:, number], _SHOWN_RANGE)
        panel.plot([low, high], [low, high], color="0.6", linewidth=0.9)
        panel.scatter(own[:, number], predicted[:, number], s=4, alpha=0.4, linewidths=0)
        margin = 0.05 * (high - low)
        limits = (low - margin, high + margin)
        panel.set(
            title=f"latent {number + 1}: {errors[number]:.2f} ({beside[1][number]:.2f})",
            xlabel="of the spectrum",
            ylabel="from the image",
            xlim=limits,
            ylim=limits,
        )
    return context.save_figure(
        figure,
        "image_spectra_latents",
        "Latents from the images against those of the objects' own spectra; above, the error in "
        f"units of the latent's spread, in brackets that of the {beside[0]}. The outermost 0.5 % "
        "on each side are beyond the axes.",
    )


def examples(
    context: EvaluationContext, observed: np.ndarray, drawn: np.ndarray, sigma: np.ndarray
) -> FigureFile:
    """Draws images, with the spectra that the model draws and those that were observed.

    Args:
        context: The evaluation.
        observed: (objects, bins) in units of the amplitude, NaN without data.
        drawn: (objects, bins), from the images.
        sigma: Scatter of `drawn`, alike.
    """
    labels = np.zeros(len(drawn), int) if context.labels is None else np.asarray(context.labels)
    rows = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)][:_SHOWN]
    rows += [row for row in range(len(drawn)) if row not in rows][: _SHOWN - len(rows)]
    stretch = display.Stretch(context.images[rows], context.spec.bands)
    pictures = stretch.pictures(context.images[rows])
    x, label = spectrum_figures.axis(context, drawn.shape[1])
    figure, axes = plot_style.new_figure(
        len(rows), 2, width=4.6, height=1.9, gridspec_kw={"width_ratios": (1, 4.6)}
    )
    for left, right, row, picture in zip(axes[::2], axes[1::2], rows, pictures, strict=True):
        left.imshow(picture, origin=stretch.origin)
        plot_style.blank(left)
        right.plot(x, observed[row], color="0.65", linewidth=0.7)
        colour = plot_style.COLOURS[0]
        right.fill_between(
            x,
            drawn[row] - sigma[row],
            drawn[row] + sigma[row],
            color=colour,
            alpha=0.3,
            linewidth=0,
        )
        right.plot(x, drawn[row], color=colour, linewidth=1.0)
        high = np.nanpercentile(np.stack([observed[row], drawn[row]]), 99.5)
        right.set(ylabel="flux / amplitude", ylim=(0, 1.25 * high))
        if context.class_names:
            right.set_title(context.class_names[labels[row]])
    axes[-1].set_xlabel(label)
    return context.save_figure(
        figure,
        "image_spectra",
        "Images of test objects, the spectra that the model draws from them with one standard "
        "deviation on each side (blue), and the observed ones (grey).",
    )
