"""Reconstruction quality: errors, structural similarity and residuals."""

from __future__ import annotations

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.similarity import pixel_range, structural_similarity

__all__ = ["evaluate_reconstruction"]

_SHOWN = 8
_SSIM_OBJECTS = 500
_RESIDUAL = {"cmap": plot_style.DIVERGING, "vmin": -5.0, "vmax": 5.0}  # in units of the noise
_ROWS = ("original", "reconstruction", "residual")


@register("reconstruction", title="Reconstruction", needs=("images", "reconstruct()"))
def evaluate_reconstruction(context: EvaluationContext) -> Section:
    """Compares the reconstructions with the images in survey units.

    chi2 per pixel      = mean over pixels of ((image - reconstruction) / noise)^2
    explained variance  = 1 - sum (image - reconstruction)^2 / sum (image - mean image)^2

    The numbers are of the pixels that the model reads: of a frame that its preprocessing cuts
    off, which is mostly sky, it can know nothing but the level.
    """
    whole, whole_copies = context.images, context.outputs("reconstruct")["reconstruction"]
    if whole_copies.shape != whole.shape:
        raise ValueError(
            f"reconstruction must have the shape of the images, {whole.shape}; "
            f"got {whole_copies.shape}"
        )
    images, copies = (pixels[:, *context.window] for pixels in (whole, whole_copies))
    noise, stated = context.noise()
    squared = (images - copies) ** 2
    chi2 = (squared / noise[:, None, None, :] ** 2).mean(axis=(1, 2))
    chosen = context.subset(_SSIM_OBJECTS, "reconstruction")
    narrow, wide = (
        structural_similarity(images[chosen], copies[chosen], sigma=sigma) for sigma in (1.5, 10.0)
    )
    data_range = pixel_range(context.spec.units)
    explained = 1 - squared.sum(axis=(0, 1, 2)) / ((images - images.mean(axis=0)) ** 2).sum(
        axis=(0, 1, 2)
    ).clip(min=1e-30)
    section = Section(
        metrics={
            "mse": squared.mean(),
            "ssim": narrow.mean(),
            "ssim_sigma_10": wide.mean(),
            "chi2_per_pixel": np.median(chi2.mean(axis=1)),
            "explained_variance": explained.mean(),
        }
    )
    metrics = section.metrics
    if data_range is not None:
        metrics["ssim_sigma_10_fixed_range"] = structural_similarity(
            images[chosen], copies[chosen], sigma=10.0, data_range=data_range
        ).mean()
    section.key_numbers = {
        "SSIM of the reconstruction": f"{metrics['ssim']:.3f}",
        "chi2 per pixel (median object)": f"{metrics['chi2_per_pixel']:.2f}",
    }
    source = "the dataset's" if stated else "measured in a frame along the border of each image"
    section.text.append(
        f"MSE {metrics['mse']:.4g} ({context.spec.units})^2; SSIM {metrics['ssim']:.3f} (Gaussian "
        f"window of 11 pixels, sigma 1.5; {metrics['ssim_sigma_10']:.3f} with sigma 10; each band "
        f"scaled by the range of its original; {len(chosen)} objects); chi2 per pixel of the "
        f"median object {metrics['chi2_per_pixel']:.2f}, with the noise {source}. A chi2 near 1 "
        "means that only noise is left over; SSIM stays below 1 even then, because a good "
        "reconstruction does not repeat the noise."
    )
    if data_range is not None:
        section.text.append(
            f"On the fixed range of the pixels, 0 to {data_range:g}, without scaling each image, "
            f"SSIM with sigma 10 is {metrics['ssim_sigma_10_fixed_range']:.3f}: the convention of "
            "the published code of Xu et al. 2023 (arXiv:2303.08627). It is higher for dark "
            "images, whose noise is small on that range."
        )
    frame = ""
    if images.shape != whole.shape:
        height, width = images.shape[1:3]
        section.text.append(
            f"These numbers, and those below, are of the central {height} x {width} pixels, which "
            f"are all that the model reads of {whole.shape[1]} x {whole.shape[2]}."
        )
        frame = (
            f" Around the central {height} x {width} pixels, which are all that the model reads, "
            "the reconstruction is the level of the sky."
        )
    section.tables.append(
        Table(
            [
                "band",
                f"MSE ({context.spec.units})^2",
                "chi2 per pixel",
                "SSIM",
                "explained variance",
            ],
            [
                [
                    band,
                    f"{squared[..., index].mean():.4g}",
                    f"{np.median(chi2[:, index]):.2f}",
                    f"{narrow[:, index].mean():.3f}",
                    f"{explained[index]:.3f}",
                ]
                for index, band in enumerate(context.spec.bands)
            ],
            "By band. The explained variance is over all pixels and dominated by bright objects.",
        )
    )
    shown = examples(context, _SHOWN, "reconstruction/shown")
    grid = _grid(context, whole[shown], whole_copies[shown], noise[shown], shown, frame)
    section.figures.append(grid)
    if len(context.spec.bands) > 1 and not Stretch(images[:1], context.spec.bands).is_photograph:
        one_each = shown[[0, len(shown) - 1]] if len(shown) > 1 else shown
        pair = whole[one_each], whole_copies[one_each]
        section.figures.append(_by_band(context, *pair, noise[one_each], one_each, frame))
    section.figures.append(_chi2_figure(context, chi2.mean(axis=1)))
    return section


def examples(context: EvaluationContext, number: int, purpose: str) -> np.ndarray:
    """Returns indices of objects to show, class after class in equal numbers where possible."""
    order = context.generator(purpose).permutation(len(context.images))
    if context.labels is None:
        return order[:number]
    classes = [i for i in range(len(context.class_names)) if (context.labels == i).any()]
    each = max(1, number // len(classes))
    chosen = [order[context.labels[order] == index][:each] for index in classes]
    return np.concatenate(chosen)[:number]


def name_of(context: EvaluationContext, index: int) -> str:
    """Returns class and magnitude of an object, as far as they are known, for a title."""
    words = [] if context.labels is None else [context.class_names[context.labels[index]]]
    magnitude = context.magnitude()
    if magnitude is not None and np.isfinite(magnitude[1][index]):
        band = context.spec.bands[context.reference_band]
        words.append(f"{band} = {magnitude[1][index]:.1f}")
    return "\n".join(words)


def _grid(context, images, copies, noise, indices, frame) -> FigureFile:
    band = context.reference_band
    stretch = Stretch(images, context.spec.bands)
    residual = (images - copies)[..., band] / noise[:, band, None, None]
    figure, axes = plot_style.new_figure(3, len(indices), width=1.35, height=1.4)
    rows = [stretch.pictures(images), stretch.pictures(copies), residual]
    for row, (title, pictures) in enumerate(zip(_ROWS, rows, strict=True)):
        for column, index in enumerate(indices):
            panel = plot_style.blank(axes[row * len(indices) + column])
            drawn = panel.imshow(pictures[column], origin=stretch.origin, **_RESIDUAL)
            if row == 0:
                panel.set_title(name_of(context, index), fontsize=9)
            if column == 0:
                panel.set_ylabel(title)
    bar = figure.colorbar(drawn, ax=axes[2 * len(indices) :], extend="both", pad=0.01, aspect=9)
    bar.set_label("(original - rec.) / noise", fontsize=8)
    if stretch.is_photograph:
        scale = "at the scale of the files"
    elif stretch.composite:
        names = ", ".join(context.spec.bands[i] for i in stretch.composite)
        scale = f"as composites of {names} (red, green, blue) with an asinh scale"
    else:
        scale = "with an asinh scale"
    return context.save_figure(
        figure,
        "reconstructions",
        f"Originals and reconstructions {scale}, both on the scale of the original; residuals "
        f"in {context.spec.bands[band]} in units of the pixel noise, on one scale.{frame}",
    )


def _by_band(context, images, copies, noise, indices, frame) -> FigureFile:
    bands = context.spec.bands
    stretch = Stretch(images, bands)
    figure, axes = plot_style.new_figure(3 * len(indices), len(bands), width=1.25, height=1.2)
    for number, index in enumerate(indices):
        for band, name in enumerate(bands):
            residual = (images - copies)[number, ..., band] / noise[number, band]
            column = [stretch.band(images, band)[number], stretch.band(copies, band)[number]]
            for row in range(3):
                panel = plot_style.blank(axes[(3 * number + row) * len(bands) + band])
                if row < 2:
                    panel.imshow(column[row], origin=stretch.origin, cmap="gray", vmin=0, vmax=1)
                else:
                    drawn = panel.imshow(residual, origin=stretch.origin, **_RESIDUAL)
                if band == 0:
                    title = name_of(context, index).replace("\n", ", ")
                    label = f"{title}\n{_ROWS[row]}" if row == 0 else _ROWS[row]
                    panel.set_ylabel(label, fontsize=8)
                if row == 0 and number == 0:
                    panel.set_title(name)
    bar = figure.colorbar(drawn, ax=axes, extend="both", pad=0.01, aspect=40, shrink=0.6)
    bar.set_label("(original - reconstruction) / noise")
    return context.save_figure(
        figure,
        "reconstructions_by_band",
        "One object of the first and one of the last class in every band, asinh scale; "
        f"residuals in units of the pixel noise.{frame}",
    )


def _chi2_figure(context, chi2) -> FigureFile:
    magnitude = context.magnitude()
    figure, (axes,) = plot_style.new_figure(width=5.6, height=3.6)
    low, high = np.percentile(chi2, [0.5, 99.5])
    edges = np.geomspace(max(low, 1e-3), max(high, 2e-3), 41)
    for name, members, colour in context.groups():
        values = np.clip(chi2[members], edges[0], edges[-1])
        if magnitude is None:
            axes.hist(values, edges, alpha=0.55, color=colour, label=name)
        else:
            point = {"s": 7, "alpha": 0.45, "linewidths": 0}
            axes.scatter(magnitude[1][members], values, color=colour, label=name, **point)
    if magnitude is None:
        axes.set(xscale="log", xlabel=r"$\chi^2$ per pixel", ylabel="Objects")
        axes.axvline(1, color="0.3", linewidth=1, linestyle=":")
        plot_style.plain_numbers(axes.xaxis)
    else:
        axes.set(
            yscale="log",
            ylabel=r"$\chi^2$ per pixel",
            xlabel=plot_style.quantity_label(magnitude[0]),
        )
        axes.axhline(1, color="0.3", linewidth=1, linestyle=":")
        plot_style.plain_numbers(axes.yaxis)
    axes.legend(markerscale=2.5)
    return context.save_figure(
        figure,
        "reconstruction_chi2",
        "chi2 per pixel of each object; dotted: 1, nothing but noise left over. Values "
        "outside the central 99 % are drawn at the edge.",
    )
