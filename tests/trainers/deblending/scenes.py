"""Scenes of round Gaussians, and a deblender that draws them."""

import dataclasses

import numpy as np
import tensorflow as tf

from trainers.deblending.latent_space import LatentSpace

WIDTH = 2.0  # px
BANDS = 2
NOISE = np.array([1.0, 2.0])


def gaussian(shape, x, y, width=WIDTH):
    """Returns a Gaussian of flux 1, (height, width)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    square = (columns - x) ** 2 + (rows - y) ** 2
    return np.exp(-0.5 * square / width**2) / (2 * np.pi * width**2)


def scene(sources, shape=(72, 80), seed=1):
    """Returns image and noise, (height, width, 2), of sources (x, y, flux in either band)."""
    image = NOISE * np.random.default_rng(seed).normal(size=(*shape, BANDS))
    for x, y, *flux in sources:
        image += gaussian(shape, x, y)[..., None] * np.array(flux)
    return image, np.broadcast_to(NOISE, image.shape)


@dataclasses.dataclass(frozen=True)
class GaussianDeblender:
    """Draws a Gaussian as bright as the middle of a stamp; neighbours make it too bright."""

    size: int = 24
    name: str = "gaussian"
    latents: LatentSpace | None = None
    divides = False

    def draw(self, stamps):
        middle = self.size // 2
        profile = gaussian(stamps.shape[1:3], middle, middle)
        profile[profile < 1e-6] = 0.0
        core = profile * (profile > 0.3 * profile.max())
        flux = np.einsum("nyxb,yx->nb", stamps, core) / np.sum(core * profile)
        return (profile[None, ..., None] * flux[:, None, None]).astype(np.float32)


def gaussian_latents(deblender):
    """Returns a latent space of the fluxes in units of 1000, with hardly a prior."""
    middle = deblender.size // 2
    profile = gaussian((deblender.size,) * 2, middle, middle).astype(np.float32)[..., None]

    def encode(stamps):
        core = tf.constant(profile * (profile > 0.3 * profile.max()))
        total = tf.reduce_sum(core * stamps, axis=(1, 2)) / tf.reduce_sum(core * profile)
        return total / 1000

    return LatentSpace(
        (deblender.size, deblender.size, BANDS),
        encode,
        lambda latents: 1000 * latents[:, None, None] * profile,
        lambda latents: -1e-6 * tf.reduce_sum(tf.square(latents), axis=-1),
    )
