"""Figures of searches between images and spectra."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import display, spectrum_figures
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.pair_ranks import PairRanks, of_cosines
from trainers.evaluators.statistics.scaled_spectra import ScaledSpectra

__all__ = ["gallery", "recalls"]

_SHOWN = 5
_SPECTRA, _IMAGES = 3, 4
# Bins of a spectrum that are averaged for the eye.
_SMOOTHED = 5


def recalls(context: EvaluationContext, ranks: Mapping[str, PairRanks]) -> FigureFile:
    """Draws the share of the images whose spectrum is among so many nearest, by method."""
    figure, (panel,) = plot_style.new_figure()
    number = len(next(iter(ranks.values())).ranks)
    places = np.unique(np.geomspace(1, number, 100).astype(int))
    for name, each in ranks.items():
        panel.plot(places, [each.recall(place) for place in places], label=name)
    panel.plot(places, places / number, color="0.5", linestyle=":", label="chance")
    panel.set(
        xlabel="spectra that are looked at",
        ylabel="images whose own is among them",
        xscale="log",
        ylim=(0, 1.02),
    )
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=7.5)
    return context.save_figure(
        figure,
        "cross_modal_recall",
        f"Share of the images whose own spectrum is among the nearest of {number} spectra.",
    )


def gallery(context: EvaluationContext, images: np.ndarray, spectra: np.ndarray) -> FigureFile:
    """Draws images with the spectra nearest to them, and the images nearest to their spectra.

    Args:
        context: The evaluation.
        images: Embeddings of the images, (objects, length).
        spectra: Embeddings of the spectra, alike.
    """
    labels = np.zeros(len(images), int) if context.labels is None else np.asarray(context.labels)
    rows = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)][:_SHOWN]
    rows += [row for row in range(len(images)) if row not in rows][: _SHOWN - len(rows)]
    to_spectra, to_images = of_cosines(images, spectra)
    flux = ScaledSpectra.of(context.model.spectra, context.arrays()).observed
    x, label = spectrum_figures.axis(context, flux.shape[1])
    figure, axes = plot_style.new_figure(
        len(rows),
        2 + _IMAGES,
        width=2.2,
        height=1.9,
        gridspec_kw={"width_ratios": (1, 3.2, *([0.8] * _IMAGES))},
    )
    for place, row in enumerate(rows):
        left, middle, *right = axes[place * (2 + _IMAGES) : (place + 1) * (2 + _IMAGES)]
        _picture(context, left, row, f"{_name(context, labels, row)}{_redshift(context, row)}")
        nearest = np.argsort(-(spectra @ images[row]), kind="stable")[:_SPECTRA]
        _spectra(context, middle, x, flux, row, nearest)
        middle.set_title(f"own spectrum: place {to_spectra.ranks[row]:g} of {len(images)}")
        order = np.argsort(-(images @ spectra[row]), kind="stable")[:_IMAGES]
        for panel, other in zip(right, order, strict=False):
            _picture(context, panel, int(other), _redshift(context, int(other)).strip(", "))
            if other == row:
                for spine in panel.spines.values():
                    spine.set(visible=True, color=plot_style.COLOURS[1], linewidth=2)
        for panel in right[len(order) :]:
            panel.set_visible(False)
        right[0].set_ylabel(f"own: place {to_images.ranks[row]:g}")
    axes[(len(rows) - 1) * (2 + _IMAGES) + 1].set_xlabel(label)
    return context.save_figure(
        figure,
        "cross_modal",
        "The first object of each class. From left to right: its image; its own spectrum (black) "
        f"below the {len(nearest)} that are nearest to the image (colours, the nearest lowest, "
        "with class and redshift), shifted; and the images nearest to its spectrum, its own framed "
        f"if it is among them. Spectra are averaged over {_SMOOTHED} bins.",
    )


def _picture(context: EvaluationContext, panel, row: int, title: str) -> None:
    image = context.images[row : row + 1]
    stretch = display.Stretch(image, context.spec.bands)
    panel.imshow(stretch.pictures(image)[0], origin=stretch.origin)
    plot_style.blank(panel)
    panel.set_title(title, fontsize=9)


def _spectra(context: EvaluationContext, panel, x, flux, row: int, nearest: np.ndarray) -> None:
    labels = context.labels
    step = 1.2 * np.nanpercentile(flux[row], 90)
    curves = [(row, "0.0", 1.2)]
    curves += [(int(other), plot_style.COLOURS[n], 0.9) for n, other in enumerate(nearest)]
    for level, (other, colour, width) in enumerate(curves):
        smooth = _averaged(flux[other])
        panel.plot(_averaged(x), smooth + level * step, color=colour, linewidth=width)
        if level:
            text = f"{_name(context, labels, other)}{_redshift(context, other)}"
            panel.text(
                1.01,
                level * step + step * 0.9,
                text,
                color=colour,
                fontsize=7.5,
                va="center",
                transform=panel.get_yaxis_transform(),
            )
    panel.set(ylim=(0, step * (len(curves) + 0.9)), yticks=[], ylabel="flux + shift")


def _averaged(values: np.ndarray) -> np.ndarray:
    whole = len(values) // _SMOOTHED * _SMOOTHED
    parts = values[:whole].reshape(-1, _SMOOTHED)
    good = np.isfinite(parts)
    return np.where(good.all(axis=1), np.where(good, parts, 0).mean(axis=1), np.nan)


def _name(context: EvaluationContext, labels: np.ndarray | None, row: int) -> str:
    if not context.class_names or labels is None:
        return ""
    return context.class_names[labels[row]].replace("_", " ")


def _redshift(context: EvaluationContext, row: int) -> str:
    values = context.arrays().get("redshift")
    return "" if values is None else f", z {float(values[row]):.3f}"
