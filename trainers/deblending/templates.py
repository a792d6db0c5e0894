"""Drawn sources at their places in a scene."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage, sparse

__all__ = ["Templates", "overlap", "shifted"]


@dataclasses.dataclass(frozen=True)
class Templates:
    """Images of single sources on square stamps, which may reach over the edges of the scene.

    Attributes:
        images: (sources, size, size, bands) float32.
        corner: (sources, 2) int, row and column of the first pixel of each in the scene.
        shape: (height, width) of the scene.
        noise: Of the shape of the images, standard deviation of the noise in them, where they are
            parts of the scene; None for images without noise.
    """

    images: np.ndarray
    corner: np.ndarray
    shape: tuple[int, int]
    noise: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of the stamps, px."""
        return self.images.shape[1]

    def places(self, source: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Returns the part of a stamp inside the scene: rows and columns there and in the stamp."""
        return overlap(self.corner[source], self.size, self.shape)

    def chosen(self, rows: np.ndarray) -> Templates:
        """Returns some of the sources."""
        noise = None if self.noise is None else self.noise[rows]
        return Templates(self.images[rows], self.corner[rows], self.shape, noise)

    def with_blank(self, corner: np.ndarray) -> Templates:
        """Returns the sources, and after them some that are still to be drawn, without light.

        Args:
            corner: (number, 2) int, row and column of the first pixel of each in the scene.
        """
        blank = np.zeros((len(corner), *self.images.shape[1:]), np.float32)
        return Templates(
            np.concatenate([self.images, blank]),
            np.concatenate([self.corner, corner]),
            self.shape,
            None if self.noise is None else np.concatenate([self.noise, blank]),
        )

    def noise_variance(self, source: int) -> np.ndarray:
        """Returns the variance of the noise in an image, of its shape; 0 without noise."""
        image = self.images[source]
        return np.zeros_like(image) if self.noise is None else np.square(self.noise[source])

    def flux_noise(self) -> np.ndarray:
        """Returns the noise of the sums of the images, (sources, bands); 0 without noise."""
        if self.noise is None:
            return np.zeros((len(self), self.images.shape[-1]))
        return np.sqrt(np.square(self.noise).sum(axis=(1, 2), dtype=np.float64))

    def scene(self, factor: np.ndarray | None = None) -> np.ndarray:
        """Returns the sum of all sources, (height, width, bands).

        Args:
            factor: (sources, bands), of their brightness; None for 1.
        """
        total = np.zeros((*self.shape, self.images.shape[-1]), np.float32)
        for source, image in enumerate(self.images):
            inside, part = self.places(source)
            scale = 1.0 if factor is None else factor[source].astype(np.float32)
            total[inside] += scale * image[part]
        return total

    def matrix(self, band: int) -> sparse.csc_matrix:
        """Returns the sources of one band as columns, (pixels of the scene, sources)."""
        rows, values, ends = [], [], [0]
        numbers = np.arange(self.shape[0] * self.shape[1]).reshape(self.shape)
        for source, image in enumerate(self.images):
            inside, part = self.places(source)
            rows.append(numbers[inside].ravel())
            values.append(image[part][..., band].ravel().astype(np.float64))
            ends.append(ends[-1] + len(rows[-1]))
        return sparse.csc_matrix(
            (np.concatenate(values), np.concatenate(rows), ends), (numbers.size, len(self))
        )


def overlap(
    corner: np.ndarray, size: int, shape: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Returns where a stamp and a scene overlap: rows and columns of the scene and of the stamp.

    Args:
        corner: Row and column of the first pixel of the stamp in the scene; may lie outside.
        size: Side of the stamp, px.
        shape: (height, width) of the scene.
    """
    inside, part = [], []
    for first, length in zip(map(int, corner), shape, strict=True):
        start = min(max(first, 0), length)
        stop = max(min(first + size, length), start)
        inside.append(slice(start, stop))
        part.append(slice(start - first, stop - first))
    return (inside[0], inside[1]), (part[0], part[1])


def shifted(images: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Returns images shifted by parts of a pixel, and not below zero, float32.

    By cubic splines, which do not ring where the edge of a stamp cuts a galaxy.

    Args:
        images: (number, height, width, bands).
        steps: (number, 2), along rows and columns, px.
    """
    result = np.empty_like(images, np.float32)
    for number, (image, step) in enumerate(zip(images, steps, strict=True)):
        for band in range(image.shape[-1]):
            ndimage.shift(image[..., band], step, output=result[number, ..., band])
    return np.maximum(result, 0.0)
