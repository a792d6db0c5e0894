"""Sources and residual of a scene between the steps of its deblending."""

from __future__ import annotations

import dataclasses

import numpy as np

from trainers.deblending.deblender import Deblender
from trainers.deblending.detection import detect_sources, significance
from trainers.deblending.dimming import dimming
from trainers.deblending.joint_fit import JointFit, fit_brightness, light_of_errors
from trainers.deblending.latent_space import groups
from trainers.deblending.settings import SceneSettings
from trainers.deblending.templates import Templates, overlap, shifted
from trainers.errors import UserError

__all__ = ["SceneState"]

# Largest shift of a source in one step, and standard deviation of positions before it, px.
_LARGEST_SHIFT = 1.0
_POSITION_ERROR = 1.0
_STEPS = 4
# Distance from each other, px, of sources that a later pass adds at once.
_APART = 16.0


class SceneState:
    """Sources, their light and the residual.

    Args:
        image: (height, width, bands), NaN where unknown.
        noise: Of the same shape.
        deblender: Draws the sources.
        settings: Limits.

    Attributes:
        known: (height, width) bool.
        position: (n, 2), x and y at which the sources were detected, px.
        number: (n,) int, pass that detected them.
        templates: The sources as they are drawn.
        brightness: Their factors.
        light: (height, width, bands), all sources together.
    """

    def __init__(
        self, image: np.ndarray, noise: np.ndarray, deblender: Deblender, settings: SceneSettings
    ):
        if settings.fit == "map" and deblender.latents is None:
            raise UserError(
                f"`fit=map` needs the latent space of model '{deblender.name}', which its file "
                "does not offer"
            )
        self.known = np.isfinite(image).all(axis=-1)
        self._image = np.where(self.known[..., None], image, 0.0).astype(np.float32)
        self._noise, self._deblender, self._settings = noise, deblender, settings
        self._typical_noise = np.median(noise, axis=(0, 1))
        size, bands = deblender.size, image.shape[-1]
        self.position, self.number = np.zeros((0, 2)), np.zeros(0, np.int32)
        self.templates = Templates(
            np.zeros((0, size, size, bands), np.float32),
            np.zeros((0, 2), np.int64),
            self.known.shape,
        )
        self.brightness = JointFit(np.zeros((0, bands)), np.zeros((0, bands)))
        self.light = np.zeros_like(self._image)
        # Sources that are to be drawn, and those whose stamps these will change.
        self._new, self._stale = np.zeros(0, bool), np.zeros(0, bool)
        # Positions of sources that were dropped.
        self._dropped = np.zeros((0, 2))

    @property
    def residual(self) -> np.ndarray:
        """(height, width, bands), the scene without its sources."""
        return self._image - self.light

    @property
    def mean_square(self) -> float:
        """Mean square of the residual of known pixels, in units of its error."""
        if not self.known.any():
            return 0.0
        square = np.square(self.residual) / self._variance()
        return float(np.mean(square[self.known]))

    def detected(self, number: int, *, threshold: float, min_area: int) -> np.ndarray:
        """Returns x and y of what SEP detects and is new, (number, 2), px.

        Args:
            number: Of the pass.
            threshold: Of the detection, sigma.
            min_area: Connected pixels above it, at least.
        """
        return detect_sources(
            significance(self.residual, self._noise, self.known),
            significance(self.light, self._noise, self.known),
            self.known,
            np.concatenate([self.position, self._dropped]),
            threshold=threshold,
            min_area=min_area,
            least_separation=self._settings.least_separation,
            model_error=self._settings.model_error,
            apart=_APART if number > 1 else 0.0,
        )

    def add(self, position: np.ndarray, number: int) -> None:
        """Adds sources that are still to be drawn.

        Args:
            position: (n, 2), x and y, px.
            number: Of the pass.
        """
        size, bands = self._deblender.size, self._image.shape[-1]
        distance = np.abs(self.position[:, None] - position).max(axis=-1)
        near = (distance < size // 2).any(axis=1)
        corner = np.floor(position[:, ::-1] + 0.5).astype(np.int64) - size // 2
        self._stale = np.concatenate([near, np.zeros(len(position), bool)])
        self._new = np.arange(len(self._stale)) >= len(near)
        self.position = np.concatenate([self.position, position])
        self.number = np.concatenate([self.number, np.full(len(position), number, np.int32)])
        self.templates = self.templates.with_blank(corner)
        self.brightness = JointFit(
            *(
                np.concatenate([values, np.ones((len(position), bands))])
                for values in (self.brightness.factor, self.brightness.sigma)
            )
        )

    def draw(self) -> None:
        """Draws the new sources, and then those that they are neighbours of.

        With the setting `fit="map"` all of these are fitted together then, in latent space.
        """
        changed = np.flatnonzero(self._new | self._stale)
        for chosen in (self._new, self._stale):
            sources = np.flatnonzero(chosen)
            if not len(sources):
                continue
            stamps = np.stack([self._stamp(source) for source in sources])
            images = self.templates.images.copy()
            images[sources] = np.maximum(self._drawn(stamps), 0.0)
            self.templates = dataclasses.replace(self.templates, images=images)
            self.fit()
            chosen[:] = False
        if self._settings.fit == "map":
            for rows in groups(self.position[changed]):
                self._fit_latents(changed[rows])

    def fit(self) -> None:
        """Fits the brightness of all sources, and subtracts them."""
        self.brightness = fit_brightness(
            self._image,
            self._noise,
            self.known,
            self.templates,
            model_error=self._settings.model_error,
            prior=self._settings.prior,
        )
        self.light = self.templates.scene(self.brightness.factor)

    def align(self) -> None:
        """Moves each source by parts of a pixel to where it leaves least, and fits anew.

        Steps of Gauss and Newton for each source by itself, all bands together, from the slope of
        its own light. The steps add up, so that no image is interpolated more than once.
        """
        before = self.templates.images
        moved = np.zeros((len(before), 2))
        for _ in range(_STEPS):
            moved += self._steps()
            self.templates = dataclasses.replace(self.templates, images=shifted(before, moved))
            self.fit()

    def drop(self) -> None:
        """Drops sources that the fit finds insignificant, and fits the others anew."""
        weak = self._signal_to_noise() < self._settings.least_snr
        if not weak.any():
            return
        self._dropped = np.concatenate([self._dropped, self.position[weak]])
        self._keep(~weak)
        self.fit()

    def _keep(self, rows: np.ndarray) -> None:
        """Drops all sources but these, (n,) bool."""
        self.position, self.number = self.position[rows], self.number[rows]
        self.templates = self.templates.chosen(rows)

    def _fit_latents(self, sources: np.ndarray) -> None:
        """Replaces sources by the most probable ones, and fits the brightness of all anew."""
        latents, size = self._deblender.latents, self._deblender.size
        stamps = np.stack([self._stamp(source) for source in sources])
        dimmed = self._dimming(stamps)
        members = np.isin(np.arange(len(self.number)), sources)
        image = self.residual + self.templates.scene(self.brightness.factor * members[:, None])
        image[~self.known] = np.nan
        corner = self.templates.corner[sources]
        first = np.maximum(corner.min(axis=0), 0)
        last = np.minimum(corner.max(axis=0) + size, self.known.shape)
        part = tuple(slice(*each) for each in zip(first, last, strict=True))
        images = self.templates.images.copy()
        images[sources] = latents.fit(
            image[part],
            np.broadcast_to(self._noise, image.shape)[part],
            corner - first,
            dimmed,
            stamps / dimmed[:, None, None, None],
        )
        self.templates = dataclasses.replace(self.templates, images=images)
        self.fit()

    def _steps(self) -> np.ndarray:
        """Returns the shifts of the sources, (n, 2), along rows and columns, px."""
        steps, residual = np.zeros((len(self.number), 2)), self.residual
        weights = self.known[..., None] / self._variance()
        for source, image in enumerate(self.templates.images):
            inside, part = self.templates.places(source)
            own = self.brightness.factor[source].astype(np.float32) * image
            slopes = np.stack([-slope[part] for slope in np.gradient(own, axis=(0, 1))])
            normal = np.einsum("iyxb,jyxb->ij", weights[inside] * slopes, slopes)
            right = np.einsum("iyxb,yxb->i", weights[inside] * slopes, residual[inside])
            normal[np.diag_indices(2)] += _POSITION_ERROR**-2
            steps[source] = np.linalg.solve(normal, right)
        return np.clip(steps, -_LARGEST_SHIFT, _LARGEST_SHIFT)

    def _drawn(self, stamps: np.ndarray) -> np.ndarray:
        """Returns the galaxies of stamps; those brighter than most of a training, dimmed."""
        dimmed = self._dimming(stamps)[:, None, None, None]
        return dimmed * self._deblender.draw(stamps / dimmed)

    def _dimming(self, stamps: np.ndarray) -> np.ndarray:
        return dimming(stamps, self._typical_noise, self._settings.brightest)

    def _stamp(self, source: int) -> np.ndarray:
        """Returns the scene without the other sources about one."""
        own = self.brightness.factor[source].astype(np.float32) * self.templates.images[source]
        inside, part = overlap(self.templates.corner[source], own.shape[0], self.known.shape)
        alone = self.residual[inside] + own[part]
        stamp = own.copy()
        stamp[part] = np.where(self.known[inside][..., None], alone, own[part])
        return stamp

    def _variance(self) -> np.ndarray:
        light = light_of_errors(self.light / self._noise, self._image / self._noise)
        return np.square(self._noise) * (1.0 + np.square(self._settings.model_error * light))

    def _signal_to_noise(self) -> np.ndarray:
        """Returns the significance of each source, (n,).

        That of its light against the noise, without the noise that is part of it, is lowered by
        the error of the sources of earlier passes beneath it: what may be the rest of one of these
        is no source.
        """
        weight = self.known[..., None] / np.square(self._noise)
        result = np.zeros(len(self.number))
        beneath = np.zeros_like(self.light)
        for number in np.unique(self.number):
            chosen = np.flatnonzero(self.number == number)
            for source in chosen:
                inside, part = self.templates.places(source)
                own = self.brightness.factor[source] * self.templates.images[source][part]
                power = np.square(own) - self.templates.noise_variance(source)[part]
                square = max(np.sum(weight[inside] * power), 0.0)
                error = self._settings.model_error * np.sum(weight[inside] * own * beneath[inside])
                result[source] = square / max(np.hypot(np.sqrt(square), error), 1e-30)
            earlier = self.number <= number
            beneath = self.templates.scene(self.brightness.factor * earlier[:, None])
        return result
