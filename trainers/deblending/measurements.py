"""Measurements of the sources of a deblended scene."""

from __future__ import annotations

import dataclasses

import galsim
import numpy as np
import sep

from trainers.deblending.detection import significance
from trainers.deblending.scene import DeblendedScene
from trainers.deblending.settings import SceneSettings

__all__ = ["FLAGS", "SceneSources", "measure_sources"]

_EDGE, _UNKNOWN, _AS_DRAWN, _NO_SHAPE = 1, 2, 4, 8

FLAGS = {
    _EDGE: "more than 1 % of the light beyond the edge of the frame",
    _UNKNOWN: "more than 1 % of the light on masked or NaN pixels",
    _AS_DRAWN: "brightness as drawn in a band: neighbours or noise leave it open",
    _NO_SHAPE: "no shape: the moments do not converge",
}
"""Meaning of the bits of `flags`."""

# Share of the light that is unknown from which on a flag says so.
_HIDDEN = 0.01
# Error of the brightness, in that of the prior, from which on the pixels say little about it.
_OPEN = 0.8


@dataclasses.dataclass(frozen=True)
class SceneSources:
    """Sources of a scene, n in all.

    Attributes:
        x: (n,), column of the centre, px; 0 is the centre of the first pixel.
        y: (n,), row.
        flux: (n, bands), in the units of the image times pixels.
        flux_err: (n, bands), standard deviation: noise, neighbours, and error of the drawing.
        snr: (n,), of flux and noise, all bands together.
        e1, e2: (n,), shape as it is seen, of modulus (a - b) / (a + b); NaN without one.
        half_light_radius: (n,), of a circle with half of the flux as it is seen, px.
        blendedness: (n,), 0 (alone) to 1.
        number: (n,) int, pass that detected it.
        flags: (n,) int, see `FLAGS`.
    """

    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    snr: np.ndarray
    e1: np.ndarray
    e2: np.ndarray
    half_light_radius: np.ndarray
    blendedness: np.ndarray
    number: np.ndarray
    flags: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the columns by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def chosen(self, rows: np.ndarray) -> SceneSources:
        """Returns some of the sources."""
        return SceneSources(**{name: values[rows] for name, values in self.arrays().items()})

    @classmethod
    def joined(cls, parts: list[SceneSources]) -> SceneSources:
        """Returns the sources of several scenes, one at least, after each other."""
        columns = [part.arrays() for part in parts]
        return cls(
            **{name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
        )


def measure_sources(
    scene: DeblendedScene, noise: np.ndarray, settings: SceneSettings | None = None
) -> SceneSources:
    """Measures the sources as they were drawn and fitted.

    Positions, shapes and radii are those of the sum of the bands in units of their noise: adaptive
    moments, whose Gaussian weight matches the source. Blendedness is

        1 - (S . S) / (S . A)

    with S the light of the source, A that of all, and products summed over pixels and bands with
    weights 1 / noise^2. Where sources are fractions of the light and not drawn, the expectation of
    the square of their noise is taken off that of the signal-to-noise ratio, and errors of fluxes
    have the noise alone in place of the error of the fit.

    Args:
        scene: The scene.
        noise: (height, width, bands), standard deviation of the sky in a pixel.
        settings: Those of the deblending; None for the defaults.

    References:
        Bernstein & Jarvis 2002 (AJ 123, 583) and Hirata & Seljak 2003 (MNRAS 343, 459), adaptive
        moments; Bosch et al. 2018 (PASJ 70, S5), blendedness.
    """
    settings = settings or SceneSettings()
    factor, sigma = scene.fit.factor, scene.fit.sigma
    drawn = scene.templates.images.sum(axis=(1, 2), dtype=np.float64)
    flux = factor * drawn
    spread = np.hypot(sigma * drawn, scene.templates.flux_noise())
    flux_err = np.hypot(spread, settings.flux_error * flux)
    shapes = np.full((len(scene), 5), np.nan)
    blendedness, snr = np.zeros(len(scene)), np.zeros(len(scene))
    flags = np.where((sigma > _OPEN * settings.prior).any(axis=1), _AS_DRAWN, 0)
    typical = np.median(noise, axis=(0, 1))
    known = np.isfinite(scene.residual).all(axis=-1)
    everywhere = np.ones(scene.templates.images.shape[1:3], bool)
    for source, image in enumerate(scene.templates.images):
        own = factor[source] * image
        inside, part = scene.templates.places(source)
        weighted = own[part] / np.square(noise[inside])
        square = float(np.sum(weighted * own[part]))
        overlapping = float(np.sum(weighted * scene.light[inside]))
        if overlapping > 0:
            blendedness[source] = np.clip(1 - square / overlapping, 0, 1)
        power = scene.templates.noise_variance(source)[part] / np.square(noise[inside])
        snr[source] = np.sqrt(max(square - float(np.sum(power)), 0.0))
        total = max(float(own.sum()), 1e-30)
        seen, dark = own[part].sum(), own[part][~known[inside]].sum()
        flags[source] |= _EDGE * bool(1 - seen / total > _HIDDEN)
        flags[source] |= _UNKNOWN * bool(dark / total > _HIDDEN)
        shapes[source] = _shape(significance(own, typical, everywhere))
    flags |= np.where(np.isfinite(shapes[:, 2]), 0, _NO_SHAPE)
    corner = scene.templates.corner
    return SceneSources(
        corner[:, 1] + shapes[:, 0],
        corner[:, 0] + shapes[:, 1],
        flux,
        flux_err,
        snr,
        *shapes[:, 2:].T,
        blendedness,
        scene.number,
        flags.astype(np.int32),
    )


def _shape(image: np.ndarray) -> tuple[float, float, float, float, float]:
    """Returns x, y, e1, e2 and half-light radius of a source on its stamp."""
    middle = image.shape[0] // 2
    image = np.ascontiguousarray(image, np.float64)
    # GalSim counts pixels from 1.
    moments = galsim.hsm.FindAdaptiveMom(
        galsim.Image(image),
        guess_centroid=galsim.PositionD(middle + 1, middle + 1),
        strict=False,
    )
    x, y, e1, e2 = float(middle), float(middle), np.nan, np.nan
    if not moments.error_message:
        x, y = moments.moments_centroid.x - 1, moments.moments_centroid.y - 1
        e1, e2 = moments.observed_shape.g1, moments.observed_shape.g2
    radius, _ = sep.flux_radius(image, [x], [y], [float(middle)], 0.5)
    return x, y, e1, e2, float(radius[0])
