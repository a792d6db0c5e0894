"""Multiplicative shear bias of deblended galaxies, from scenes with opposite shears."""

from __future__ import annotations

import dataclasses

import numpy as np

from trainers.blends.target_photometry import measure_targets
from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.deblending_errors import BLENDEDNESS_EDGES, draw_bins
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.flux_errors import binned, bootstrap
from trainers.evaluators.statistics.galaxy_shapes import regauss_distortions

__all__ = ["ShearedPairs", "evaluate_shear_bias"]

_SCENES = 1000
# Resolution factor of REGAUSS from which a galaxy is resolved, as in HSC (Mandelbaum et al. 2018).
_LEAST_RESOLUTION = 0.3
# Least pairs of a row of the table.
_FEWEST = 10
_TITLES = {
    "isolated": "noiseless galaxy alone",
    "model": "model",
    "sep": "SEP, others masked",
    "blend": "the blend",
}


@dataclasses.dataclass(frozen=True)
class ShearedPairs:
    """Stamps of the same scenes with a shear and with its opposite.

    Attributes:
        plus: (number,), indices of those with the positive shear.
        minus: (number,), those of the others, in the same order.
        axis: (number,), 0 where g1 is not zero, 1 where g2 is not.
        size: (number,), modulus of the shear.
    """

    plus: np.ndarray
    minus: np.ndarray
    axis: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, scene: np.ndarray, shear: np.ndarray, most: int) -> ShearedPairs:
        """Finds the pairs; a stamp whose partner is not there is left out.

        Args:
            scene: (stamps,), number of the scene.
            shear: (stamps, 2), g1 and g2.
            most: Pairs at most.
        """
        total = shear.sum(axis=1)
        positive, negative = np.flatnonzero(total > 0), np.flatnonzero(total < 0)
        _, first, second = np.intersect1d(
            scene[positive], scene[negative], assume_unique=True, return_indices=True
        )
        plus, minus = positive[first[:most]], negative[second[:most]]
        axis = np.argmax(np.abs(shear[plus]), axis=1)
        return cls(plus, minus, axis, np.abs(total[plus]))

    def along(self, distortions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the distortions along the shear, e+ and e-, each (number,).

        Args:
            distortions: (2 number, 2), of the stamps `plus` and then of `minus`. One of 1 or more
                is not one, and becomes NaN.
        """
        distortions = np.where(np.hypot(*distortions.T)[:, None] < 1, distortions, np.nan)
        rows = np.arange(len(self.plus))
        return tuple(each[rows, self.axis] for each in np.split(distortions, 2))


@register("shear_bias", title="Shear bias", needs=("deblends", "sheared_pairs"))
def evaluate_shear_bias(context: EvaluationContext) -> Section:
    """Measures by how much a shear of deblended galaxies comes out too small or too large.

        1 + m = < (e+ - e-) / (2 g) > / < 2 (1 - e^2) >

    e+ and e- are the distortions along the shear in two stamps of one scene, which differ in
    nothing but the sign of g: the shape of the galaxy and most of the noise cancel. The denominator
    is the response of exact distortions e, those of the noiseless galaxies alone, whose own m is
    the error of this measurement. Galaxies count that are resolved when noiseless and alone.
    """
    arrays, band = context.arrays(), context.reference_band
    pairs = ShearedPairs.of(np.asarray(arrays["scene"]), np.asarray(arrays["shear"]), _SCENES)
    rows = np.concatenate([pairs.plus, pairs.minus])
    if len(pairs.plus) < _FEWEST:
        return Section([f"{len(pairs.plus)} pairs of stamps: too few, {_FEWEST} are needed."])
    images, noise = context.images[rows], context.noise()[0][rows]
    x, y = (np.asarray(arrays[name])[rows, 0] for name in ("x", "y"))
    psf = np.asarray(arrays["psf"])[rows][..., band]
    others = measure_targets(images, noise, x, y, deblend=True).others

    distortions = {}
    for name, pixels in (
        ("isolated", np.stack([arrays["isolated"][row, 0, ..., band] for row in rows])),
        ("model", context.outputs("call")["deblended"][rows][..., band]),
        ("sep", np.where(others, 0.0, images[..., band])),
        ("blend", images[..., band]),
    ):
        distortions[name], resolution = regauss_distortions(pixels, psf, x, y)
        if name == "isolated":
            resolved = np.min(np.split(resolution >= _LEAST_RESOLUTION, 2), axis=0)
    positive, negative = pairs.along(distortions["isolated"])
    judged = resolved & np.isfinite(positive + negative)
    exact = 2 - positive**2 - negative**2
    ratios = {}
    for name, values in distortions.items():
        positive, negative = pairs.along(values)
        ratios[name] = np.stack([(positive - negative) / (2 * pairs.size), exact], axis=1)[judged]
    blendedness = np.asarray(arrays["blendedness"])[pairs.plus, 0]
    alone = np.asarray(arrays["num_sources"])[pairs.plus] == 1
    blendedness, alone = blendedness[judged], alone[judged]

    section, generator = Section(), context.generator("shear bias")
    table = []
    for group, prefix, members in (
        ("all", "", alone | True),
        ("without neighbours", "alone_", alone),
        ("with neighbours", "blended_", ~alone),
    ):
        for name, title in _TITLES.items():
            row = _row(section, f"{name}_{prefix}m", ratios[name][members], generator)
            table += [] if row is None else [[group, title, *row]]
    section.tables.append(
        Table(
            ["stamps", "", "pairs", "failures", "m"],
            table,
            f"Multiplicative bias of shears of {pairs.size.max():.3g} by REGAUSS in "
            f"{context.spec.bands[band]}, with 95 % intervals by the bootstrap, of the "
            f"{judged.sum()} of {len(judged)} galaxies that are resolved when noiseless and alone.",
        )
    )
    if "model_m" in section.metrics:
        section.key_numbers = {
            "multiplicative shear bias": f"{100 * section.metrics['model_m']:+.1f} %",
            "of the noiseless galaxies alone": f"{100 * section.metrics['isolated_m']:+.1f} %",
        }
    section.figures.append(_draw(context, ratios, blendedness, generator))
    return section


def _bias(ratios: np.ndarray) -> float:
    """Returns m of (number, 2), the measured and the exact response of each pair."""
    return ratios[:, 0].mean() / ratios[:, 1].mean() - 1


def _row(section, name, ratios, generator) -> list[str] | None:
    """Returns cells of the table, None with too few pairs; enters the numbers."""
    good = np.isfinite(ratios[:, 0])
    if good.sum() < _FEWEST:
        return None
    interval = bootstrap(_bias, ratios[good], generator)
    section.metrics |= interval.as_metrics(name)
    value, low, high = (f"{100 * each:+.1f}" for each in dataclasses.astuple(interval))
    return [str(good.sum()), str((~good).sum()), f"{value} % ({low} to {high})"]


def _draw(context, ratios, blendedness, generator) -> FigureFile:
    figure, axes = plot_style.new_figure(1, 1, width=6.0, height=4.0)
    panel, edges = axes[0], [f"{edge:g}" for edge in BLENDEDNESS_EDGES]
    for number, (name, title) in enumerate(_TITLES.items()):
        pairs = ratios[name]
        place = np.where(np.isfinite(pairs[:, 0]), np.arange(len(pairs)), np.nan)
        bins = binned(
            lambda rows, pairs=pairs: _bias(pairs[rows.astype(int)]),
            place,
            blendedness,
            BLENDEDNESS_EDGES,
            generator,
        )
        draw_bins(panel, bins, np.arange(len(edges) - 1), title, number)
    panel.axhline(0, color="0.6", linewidth=1, linestyle=":", zorder=0)
    panel.set(xlabel="blendedness", ylabel="multiplicative bias m")
    panel.set_xticks(np.arange(len(edges)) - 0.5, edges, rotation=45)
    plot_style.legend_below(figure, panel, 2)
    return context.save_figure(
        figure,
        "shear_bias",
        "Multiplicative bias of the shear by blendedness, in bins between the ticks, with 95 % "
        "intervals by the bootstrap.",
    )
