"""Sections of the BlendHunter report: tables, figures and published numbers."""

from __future__ import annotations

import dataclasses

import numpy as np

from trainers.blends.truth import CLOSE
from trainers.evaluators.section import Section, Table
from trainers.reproduce import grid_figures, published
from trainers.reproduce.blendhunter_options import Cell, Options
from trainers.reproduce.grid import SEP, SEP_ALL, Grid, Spread
from trainers.reproduce.report import add_figure

__all__ = ["parametric_section", "realistic_section"]

_KINDS = ("all", "close", "far", "isolated")
_HEADS = ("all", f"close, < {CLOSE:g} px", "far", "isolated")


def parametric_section(options: Options, grid: Grid) -> Section:
    """Returns the results on stamps with the noise of the training."""
    section = Section()
    section.text.append(
        'Models are trained and tested with the same noise unless they are called "one for all" '
        f"(trained with sigma from {_range(options)}). Numbers are means ± standard "
        "deviations over realisations, which have their own noise, order and initial weights. "
        "SEP's failures are left out as in the paper, or counted as mistakes as in the published "
        "predictions."
    )
    rows = []
    for sigma in grid.sigmas:
        for name in (*grid.models, SEP, SEP_ALL):
            spreads = {kind: grid.rate(name, kind, sigma) for kind in _KINDS}
            if not spreads["all"].realisations:
                continue
            rows.append([f"{sigma:g}", name, *map(str, spreads.values())])
            _keep(section, f"{name}/sigma_{sigma:g}", spreads)
        for name, rates in (
            ("published BlendHunter", published.BLENDHUNTER),
            ("published SEP", published.SEP),
        ):
            if sigma in rates:
                values = [getattr(rates[sigma], kind) for kind in _KINDS]
                rows.append([f"{sigma:g}", f"*{name}*", *(f"*{v:.3f}*" for v in values)])
    section.tables.append(
        Table(
            ("noise sigma", "classifier", *_HEADS),
            rows,
            "Fractions of right answers: of all stamps, and the true-positive rates of close and "
            "of far blends, and the true-negative rate. Published numbers: predictions for 8000 "
            "stamps, 5 realisations; there are none for other sigmas than these.",
        )
    )
    section.tables += [_gains(grid), _failures(grid)]
    for model in grid.models:
        key = f"separation-{_file_name(model)}"
        add_figure(
            section,
            options,
            key,
            grid_figures.accuracy_by_separation(grid, model),
            f"{model}: fraction of the blends that are recognised against the separation of "
            "their sources, all realisations together; the gain over SEP is shaded. Stamps on "
            f"which SEP failed are left out of its numbers. The dotted line is at {CLOSE:g} "
            "px.",
        )
    add_figure(
        section,
        options,
        "accuracy_by_sigma",
        grid_figures.accuracy_by_sigma(grid),
        "Fraction of right answers against the noise, for all stamps and by kind. Bars are "
        "standard deviations over realisations; open symbols are published numbers, in which "
        "SEP's failures count as mistakes.",
    )
    first = grid.models[0]
    lowest = grid.sigmas[0]
    section.key_numbers |= {
        f"{first}, sigma {lowest:g}, all": _beside(grid, first, "all", lowest),
        f"{first}, sigma {lowest:g}, close blends": _beside(grid, first, "close", lowest),
        f"{first}, sigma {lowest:g}, isolated": _beside(grid, first, "isolated", lowest),
    }
    return section


def _gains(grid: Grid) -> Table:
    rows = []
    for sigma in grid.sigmas:
        row = [f"{sigma:g}"]
        for model in grid.models:
            row += [_points(grid.gain(model, kind, sigma)) for kind in ("all", "close")]
        if sigma in published.SEP:
            own, sep = published.BLENDHUNTER[sigma], published.SEP[sigma]
            row += [f"{100 * (own.all - sep.all):+.1f}", f"{100 * (own.close - sep.close):+.1f}"]
        else:
            row += ["-", "-"]
        rows.append(row)
    heads = [f"{name}, {kind}" for name in (*grid.models, "published") for kind in ("all", "close")]
    return Table(
        ("noise sigma", *heads),
        rows,
        "Gain over SEP in points, for all stamps and for close blends, with the 95 % interval of "
        "paired answers; ours on the stamps on which SEP did not fail.",
    )


def _failures(grid: Grid) -> Table:
    rows = []
    for sigma in grid.sigmas:
        samples = [sample for (s, _), sample in grid.samples.items() if s == sigma]
        cells = []
        for kind in ("all", "blended", "isolated"):
            failed = [(~sample.answered)[sample.truth.kind(kind)].mean() for sample in samples]
            cells.append(f"{100 * np.mean(failed):.2f} %")
        rows.append([f"{sigma:g}", *cells])
    return Table(
        ("noise sigma", "all", "blends", "isolated"),
        rows,
        "Stamps on which SEP failed, nearly always for lack of a detection.",
    )


def realistic_section(options: Options, grid: Grid) -> Section:
    """Returns the results on realistic stamps."""
    section, sigma = Section(), options.transfer_sigma
    section.text.append(
        f"Stamps of real galaxies with noise of sigma {sigma:g}, judged by the models that were "
        "trained on parametric stamps; SEP has one run. Numbers as above, the gain with the 95 % "
        "interval of paired answers."
    )
    rows = []
    for model in grid.models:
        for noise in grid.trained(model):
            spreads = {kind: grid.rate(model, kind, sigma, noise) for kind in _KINDS}
            gains = [_points(grid.gain(model, kind, sigma, noise)) for kind in ("all", "close")]
            trained = Cell(model, noise, 0).sigma
            rows.append([model, trained, *map(str, spreads.values()), *gains])
            _keep(section, f"{model}/trained_{trained}", spreads)
    for name in (SEP, SEP_ALL):
        spreads = {kind: grid.rate(name, kind, sigma) for kind in _KINDS}
        rows.append([name, "-", *map(str, spreads.values()), "-", "-"])
        _keep(section, name, spreads)
    sep = published.REALISTIC_SEP
    low, high = published.REALISTIC_CLOSE_GAIN
    published_sep = [f"*{value:.2f}*" for value in (sep.all, sep.close, sep.far)]
    rows += [
        ["*published SEP*", "-", *published_sep, "-", "-", "-"],
        [
            "*published BlendHunter*",
            "about 15",
            "*> 0.90*",
            *"----",
            f"*{low:+.0f} to {high:+.0f}*",
        ],
    ]
    section.tables.append(
        Table(
            ("classifier", "trained with sigma", *_HEADS, "gain, all", "gain, close"),
            rows,
            f"Realistic stamps with noise of sigma {sigma:g}.",
        )
    )
    add_figure(
        section,
        options,
        "gain_by_training_sigma",
        grid_figures.gain_by_training_sigma(grid, sigma),
        "Accuracy relative to SEP on realistic stamps against the noise that the models were "
        "trained with, where SEP did not fail. Bars are standard deviations over realisations; "
        "the dotted line is the noise of the stamps, the shaded band the published gain on "
        "close blends from the lowest to the highest.",
    )
    for model in grid.models:
        if all(low < high for low, high in grid.trained(model)):
            continue
        add_figure(
            section,
            options,
            f"true_rates-{_file_name(model)}",
            grid_figures.true_rates_by_training_sigma(grid, model, sigma),
            f"{model} on realistic stamps: fractions of the blends and of the isolated stamps "
            "that are recognised, against the noise in training. Left: close blends and as "
            "many isolated stamps; middle: far blends and the other isolated stamps.",
        )
    best = max(
        ((model, noise) for model in grid.models for noise in grid.trained(model)),
        key=lambda one: -abs(np.mean(one[1]) - sigma),
    )
    section.key_numbers[f"realistic stamps, {best[0]} trained with {Cell(*best, 0).sigma}"] = (
        _beside(grid, best[0], "all", sigma, best[1])
    )
    return section


def _keep(section: Section, name: str, spreads: dict[str, Spread]) -> None:
    for kind, spread in spreads.items():
        section.metrics[f"{name}/{kind}"] = dataclasses.asdict(spread)


def _beside(
    grid: Grid, model: str, kind: str, sigma: float, trained: tuple[float, float] | None = None
) -> str:
    return f"{grid.rate(model, kind, sigma, trained).interval}; SEP {grid.rate(SEP, kind, sigma)}"


def _points(spread: Spread) -> str:
    if not np.isfinite(spread.mean):
        return "-"
    return f"{100 * spread.mean:+.1f} ({100 * spread.low:+.1f} to {100 * spread.high:+.1f})"


def _range(options: Options) -> str:
    return " to ".join(f"{sigma:g}" for sigma in options.noise_range)


def _file_name(model: str) -> str:
    return model.replace(", ", "-").replace(" ", "_")
