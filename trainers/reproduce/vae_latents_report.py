"""The report of `python -m trainers.reproduce vae_latents`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from trainers.datasets.dataset import Dataset
from trainers.evaluators import plot_style
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.similarity import pixel_range
from trainers.reproduce import report
from trainers.reproduce.training import Training
from trainers.reproduce.vae_latents_options import Cell, Options

__all__ = ["Findings", "Quality", "write"]

_COMPONENTS = "principal components"
_SSIM = "SSIM, window of 11 px, sigma {sigma:g} px"


@dataclasses.dataclass(frozen=True)
class Quality:
    """Quality of reconstructions.

    Attributes:
        mse: Mean squared error of the test images, in their units squared.
        ssim: Their mean structural similarity under a Gaussian window of 11 px with sigma 1.5 px.
        ssim_wide: The same with sigma 10 px, that of the published code.
        ssim_fixed_range: The same with sigma 10 px, on the fixed range of pictures as in the
            published code; None for images without one.
        examples: Reconstructions of the first test images; None for none.
    """

    mse: float
    ssim: float
    ssim_wide: float
    ssim_fixed_range: float | None = None
    examples: np.ndarray | None = None

    def __str__(self) -> str:
        return f"MSE {self.mse:.4g}, SSIM {self.ssim:.3f}"


@dataclasses.dataclass
class Findings:
    """Results of the experiment so far.

    Attributes:
        options: Options of the experiment.
        dataset: The dataset.
        originals: The first test images.
        components: Quality of principal components by dimension.
        cells: Quality of each training.
        trainings: Trainings so far.
    """

    options: Options
    dataset: Dataset
    originals: np.ndarray
    components: dict[int, Quality] = dataclasses.field(default_factory=dict)
    cells: dict[Cell, Quality] = dataclasses.field(default_factory=dict)
    trainings: dict[Cell, Training] = dataclasses.field(default_factory=dict)


def write(findings: Findings) -> Path:
    """Writes `report.md`, `metrics.json` and the figures; returns the path of the report."""
    options = findings.options
    with plot_style.style():
        section = _section(findings)
    return report.write(
        options,
        findings.trainings,
        "Reconstructions against latents and loss",
        {
            "source": "Xu et al. 2023 (arXiv:2303.08627), 40 latents, squared error",
            "images": f"{options.dataset}: {report.counts(findings.dataset.num_examples)}",
            "model": f"{options.model}, recipe {options.recipe}, {options.epochs} epochs",
        },
        [("vae_latents", "Reconstructions of the test images", section)],
    )


def _section(findings: Findings) -> Section:
    section = Section()
    unit = findings.dataset.spec.units
    measures = {"ssim": "SSIM", "ssim_wide": "SSIM, sigma 10"}
    data_range = pixel_range(unit)
    if data_range is not None:
        measures["ssim_fixed_range"] = f"SSIM, sigma 10, range {data_range:g}"
    rows = []
    for cell, quality in findings.cells.items():
        name = f"{cell.loss}_{cell.latent_dim}"
        section.metrics |= {
            f"{name}_mse": quality.mse,
            f"{name}_ssim": quality.ssim,
            f"{name}_ssim_sigma_10": quality.ssim_wide,
        }
        if quality.ssim_fixed_range is not None:
            section.metrics[f"{name}_ssim_sigma_10_fixed_range"] = quality.ssim_fixed_range
        seconds = findings.trainings[cell].seconds
        rows.append([cell.loss, *_row(cell.latent_dim, quality, measures), f"{seconds:.0f}"])
    rows += [
        [_COMPONENTS, *_row(dim, quality, measures), "-"]
        for dim, quality in findings.components.items()
    ]
    header = ["loss", "latents", f"MSE, {unit} squared", *measures.values(), "training, s"]
    section.text.append(
        "MSE and SSIM are of decoded posterior means. SSIM has a Gaussian window of 11 px with a "
        "sigma of 1.5 px, and beside it of 10 px, that of the published code; each band is scaled "
        "by the range of its original, and up to 500 images are taken. Noise cannot be reproduced, "
        "so that neither comes near its best value. Principal components are the linear map with "
        "the lowest MSE."
    )
    if data_range is not None:
        section.text.append(
            f"The published code scales no image: with sigma 10 px on the range of the pixels, "
            f"{data_range:g}, SSIM is the third. The noise of a dark sky is small on that range, "
            "so that this one is higher."
        )
    section.tables.append(Table(header, rows))
    add = functools.partial(report.add_figure, section, findings.options)
    caption = "Reconstruction against the number of latents (logarithmic)."
    add("vae_latents_dimension", _by_dimension(findings), caption)
    if len({cell.loss for cell in findings.cells}) > 1:
        caption = f"Losses compared at {findings.options.loss_dim} latents."
        add("vae_latents_loss", _by_loss(findings), caption)
    caption = "Test images (top) and their reconstructions, on the scale of the originals."
    add("vae_latents_examples", _examples(findings), caption)
    return section


def _row(dim: int, quality: Quality, measures: Iterable[str]) -> list[str]:
    values = [getattr(quality, name) for name in measures]
    cells = ["-" if value is None else f"{value:.3f}" for value in values]
    return [str(dim), f"{quality.mse:.4g}", *cells]


def _by_dimension(findings: Findings) -> Figure:
    panels = {"mse": f"MSE, {findings.dataset.spec.units} squared"} | {
        name: _SSIM.format(sigma=sigma) for name, sigma in (("ssim", 1.5), ("ssim_wide", 10.0))
    }
    data_range = pixel_range(findings.dataset.spec.units)
    if data_range is not None:
        panels["ssim_fixed_range"] = f"SSIM, sigma 10 px, pixels of 0 to {data_range:g}"
    figure, axes = plot_style.new_figure(1, len(panels), width=3.9, height=3.7)
    losses = list(dict.fromkeys(cell.loss for cell in findings.cells))
    curves = {
        loss: {c.latent_dim: q for c, q in findings.cells.items() if c.loss == loss}
        for loss in losses
    }
    for panel, (name, label) in zip(axes, panels.items(), strict=True):
        for index, (loss, by_dim) in enumerate(curves.items()):
            dims = sorted(by_dim)
            # None becomes NaN: a training that has not the measure is not drawn.
            values = np.array([getattr(by_dim[dim], name) for dim in dims], float)
            colour = plot_style.class_colour(index)
            panel.plot(dims, values, "o-", color=colour, label=f"VAE, {loss}", markersize=5)
        components = findings.components
        values = np.array([getattr(quality, name) for quality in components.values()], float)
        panel.plot(list(components), values, "s--", color="0.45", label=_COMPONENTS, markersize=4)
        panel.set(xscale="log", xlabel="Latents", ylabel=label)
        ticks = sorted({*components, *(cell.latent_dim for cell in findings.cells)})
        panel.set_xticks(ticks, ticks)
        panel.minorticks_off()
        panel.grid(axis="y", color="0.92", linewidth=0.8)
    plot_style.legend_below(figure, axes[0], columns=5)
    return figure


def _by_loss(findings: Findings) -> Figure:
    dim = findings.options.loss_dim
    by_loss = {c.loss: q for c, q in findings.cells.items() if c.latent_dim == dim}
    figure, (left, right) = plot_style.new_figure(1, 2, width=4.2, height=3.4)
    places = np.arange(len(by_loss))
    left.bar(
        places, [quality.mse for quality in by_loss.values()], 0.6, color=plot_style.COLOURS[0]
    )
    left.set(ylabel=f"MSE, {findings.dataset.spec.units} squared")
    for offset, name, colour, sigma in ((-0.2, "ssim", 1, 1.5), (0.2, "ssim_wide", 2, 10.0)):
        values = [getattr(quality, name) for quality in by_loss.values()]
        right.bar(
            places + offset,
            values,
            0.38,
            color=plot_style.COLOURS[colour],
            label=f"sigma {sigma:g} px",
        )
    right.set(ylabel="SSIM, window of 11 px", ylim=(None, 1))
    for panel in (left, right):
        panel.set_xticks(places, by_loss)
        panel.set(xlabel=f"Loss of the training, {dim} latents")
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def _examples(findings: Findings) -> Figure:
    drawn = {c: q.examples for c, q in findings.cells.items() if q.examples is not None}
    stretch = Stretch(findings.originals, findings.dataset.spec.bands)
    rows = {"original": findings.originals} | {
        f"{cell.loss}\n{cell.latent_dim} latents": images for cell, images in drawn.items()
    }
    columns = len(findings.originals)
    figure, axes = plot_style.new_figure(len(rows), columns, width=1.2, height=1.2)
    for row, (title, images) in enumerate(rows.items()):
        for column, picture in enumerate(stretch.pictures(images)):
            panel = plot_style.blank(axes[row * columns + column])
            panel.imshow(picture, origin=stretch.origin)
            if column == 0:
                panel.set_ylabel(title, fontsize=8)
    return figure
