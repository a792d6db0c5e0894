"""`vq_vae`: images as maps of integer codes, and clusters of these maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.batching import in_parts
from zoo.image_model import ImageModel
from zoo.layers.code_clusters import CodeClusters
from zoo.layers.code_components import CodeComponents
from zoo.layers.code_networks import code_decoder, code_encoder
from zoo.layers.vector_quantizer import VectorQuantizer, perplexity
from zoo.losses.medoids import two_medoids_silhouette
from zoo.randomness import global_rows
from zoo.registry import register

__all__ = ["VQVAE"]

# Objects at most among which the clusters are found: Ward's tree needs all pairs of them.
_CLUSTERED = 3000

# Angles by which images are turned; those of galaxies differ by at most half a turn.
_ANGLES = (45.0, 90.0, 135.0)

# Codes in use below which there is but one.
_COLLAPSED = 1.02


@register(
    "vq_vae",
    task="representation",
    reference="Cheng et al. 2021 (MNRAS 503, 4446; arXiv 2009.11932); van den Oord et al. 2017",
)
class VQVAE(ImageModel):
    """Vector-quantised autoencoder whose maps of codes form clusters, found without labels.

        k(p) = argmin_k |f(x)(p) - e_k|^2                  at each position p of a grid
        loss = |x - g(e_k)|^2 / var(x) + |sg(f) - e_k|^2 + 0.25 |f - sg(e_k)|^2
               + 0.1 (1 - silhouette)

    The gradient at e_k is taken for that at f(x). The silhouette is that of two medoids of the
    batch's codes by Hamming distance (`zoo.losses.medoids`); it has no gradient, and is in the loss
    for the choice of the best epoch.

    `finalize` cuts Ward's tree of the Hamming distances between the codes of a sample, at several
    thresholds, and joins clusters that differ by orientation alone, which images turned by 45, 90
    and 135 degrees show (`zoo.layers.code_clusters`). The answer has the codes, the cluster
    (numbered along the tree), the `group` (the side of its first division) and, as latents, the
    principal components of the one-hot codes. `clusters.number` is how many clusters there are.

    Logged beside the loss: `reconstruction`, `quantization`, `silhouette`, and `perplexity`, how
    many codes are in use, 1 to `codes`. A training in which all positions have one code stops.

    Departures: the codes follow moving averages by default, and start at k-means of what the
    untrained encoder returns; orientation is measured, not judged by eye; all bands are read; the
    silhouette counts from the first step; new objects join the cluster of the nearest mean.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 3).
        preprocessing: See `zoo.preprocessing.make`. Default "sky_clip".
        codes: Number of codes in the book. Default 16.
        length: Length of a code. Default 64.
        filters: Filters of each stage, each halving the image. Default (64, 128, 128).
        blocks: Residual blocks of encoder and decoder. Default 2.
        residual_filters: Filters inside of these. Default 32.
        decay: Of the moving averages of codes; 0 for codes that are trained, as published. Default
            0.99.
        commitment: Weight of |f - sg(e_k)|^2. Default 0.25.
        silhouette_weight: Weight of 1 - silhouette. Default 0.1.
        latent_dim: Length of the latents, at most positions x codes. Default 32.
        most_clusters: Most clusters, before those are joined that differ by orientation. Default
            48.
        smallest_cluster: Share of the objects in the smallest one. Default 0.01.
        agreement: Least agreement with turned images of a division of structure, 0 to 1, see
            `zoo.layers.code_clusters.structural_clusters`. Default 0.3, at which pictures of SDSS
            galaxies have about as many clusters as the source found by eye, 27.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Cheng et al. 2021; van den Oord et al. 2017 (arXiv:1711.00937).

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).gamma(2.0, 20.0, size=(64, 16, 16, 3))
        model = zoo.create("vq_vae", image_shape=(16, 16, 3), filters=(8, 8), length=4)
        model.fit(images)
        codes = model.encode(images)["codes"]  # (64, 16) integers
        clusters = model.predict(images)["cluster"]
        ```
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 3),
        preprocessing: Any = "sky_clip",
        codes: int = 16,
        length: int = 64,
        filters: Sequence[int] = (64, 128, 128),
        blocks: int = 2,
        residual_filters: int = 32,
        decay: float = 0.99,
        commitment: float = 0.25,
        silhouette_weight: float = 0.1,
        latent_dim: int = 32,
        most_clusters: int = 48,
        smallest_cluster: float = 0.01,
        agreement: float = 0.3,
        **kwargs: Any,
    ):
        super().__init__(image_shape=image_shape, preprocessing=preprocessing, **kwargs)
        if silhouette_weight < 0:
            raise ValueError(f"silhouette_weight must be at least 0; got {silhouette_weight}")
        self.codes, self.length = codes, length
        self.filters = tuple(filters)
        self.blocks, self.residual_filters = blocks, residual_filters
        self.decay, self.commitment = decay, commitment
        self.silhouette_weight = silhouette_weight
        self.latent_dim = latent_dim
        self.most_clusters, self.smallest_cluster = most_clusters, smallest_cluster
        self.agreement = agreement
        network = (self.preprocessed_shape, self.filters, blocks, residual_filters, length)
        self.encoder = code_encoder(*network, seed=self.seed)
        self.decoder = code_decoder(*network, seed=self.seed + 20_000)
        self.grid = tuple(self.encoder.output_shape[1:3])
        self.quantizer = VectorQuantizer(
            codes, length, decay, commitment, self.seed, name="quantizer"
        )
        positions = math.prod(self.grid)
        self.components = CodeComponents(positions, codes, latent_dim, self.seed, name="components")
        self.clusters = CodeClusters(
            positions, codes, most_clusters, smallest_cluster, agreement, name="clusters"
        )
        self.variance = self.add_weight(
            name="variance", shape=(), initializer="ones", trainable=False
        )
        self.built = True

    def adapt(self, images: np.ndarray) -> None:
        """Measures the variance of the pixels, and starts the code book, beside `ImageModel`'s."""
        super().adapt(images)
        x = in_parts(self.preprocessing, images)
        variance = float(np.var(x, dtype=np.float64))
        self.variance.assign(variance if variance > 0 else 1.0)
        self.quantizer.adapt(in_parts(self._vectors, x).reshape(-1, self.length))

    # Inference.

    def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns codes, their principal components, cluster and group of images.

        Returns:
            `codes`, (batch, positions) int32, row by row; `latent_mean`, (batch, latent_dim);
            `cluster` and `group`, (batch,) int32.
        """
        codes = self._codes(self.preprocessing(images))
        cluster, group = self.clusters(codes)
        return {
            "latent_mean": self.components(codes),
            "codes": codes,
            "cluster": cluster,
            "group": group,
        }

    def reconstruct(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `reconstruction`: the images as their codes have them, in survey units."""
        codes = self._codes(self.preprocessing(images))
        drawn = self._draw(self.quantizer.vectors(codes))
        return {"reconstruction": self.preprocessing.inverse(drawn, like=images)}

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        return self.encode(images)

    def _vectors(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the encoder's vectors of preprocessed images, (batch, positions, length)."""
        grid = tf.cast(self.encoder(x, training=training), tf.float32)
        return tf.reshape(grid, (-1, math.prod(self.grid), self.length))

    def _codes(self, x: tf.Tensor) -> tf.Tensor:
        return self.quantizer(self._vectors(x))

    def _draw(self, vectors: tf.Tensor, training: bool = False) -> tf.Tensor:
        grid = tf.reshape(vectors, (-1, *self.grid, self.length))
        return tf.cast(self.decoder(grid, training=training), tf.float32)

    # Training.

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        x = self.preprocessing(batch["image"])
        z = self._vectors(x, training)
        codes = self.quantizer(z)
        vectors, quantization = self.quantizer.quantized(z, codes)
        error = tf.reduce_mean(tf.square(x - self._draw(vectors, training)), axis=(1, 2, 3))
        reconstruction = error / self.variance
        silhouette = two_medoids_silhouette(global_rows(codes))
        if training and self.decay:
            self.quantizer.follow(z, codes, seed)
        penalty = self.silhouette_weight * (1 - silhouette)
        return {
            "loss": reconstruction + quantization + penalty,
            "reconstruction": reconstruction,
            "quantization": quantization,
            "silhouette": silhouette,
            "perplexity": perplexity(codes, self.codes),
        }

    def failure(self, terms: Mapping[str, float]) -> str | None:
        if terms["perplexity"] >= _COLLAPSED:
            return None
        return (
            "the code book has collapsed to one code: its perplexity is "
            f"{terms['perplexity']:.4f}, below {_COLLAPSED} (a lower `learning_rate`, or a `decay` "
            "above 0, may help)"
        )

    def finalize(self, images: np.ndarray) -> None:
        """Finds the principal components and the clusters of a sample's codes.

        Args:
            images: (number, height, width, bands) in survey units, without labels; of more than
                3000 some are left out.
        """
        number = min(len(images), _CLUSTERED)
        chosen = np.linspace(0, len(images) - 1, number).astype(int)
        x = in_parts(self.preprocessing, images[chosen])
        codes = in_parts(self._codes, x)
        turned = [
            in_parts(lambda part, a=angle: self._codes(_turned(part, a)), x) for angle in _ANGLES
        ]
        self.components.adapt(codes)
        if len(codes) > 1:
            self.clusters.adapt(codes, np.stack(turned))


def _turned(x: tf.Tensor, degrees: float) -> tf.Tensor:
    """Returns images turned about their centres, zero where they come from outside."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    row, column = (x.shape[1] - 1) / 2, (x.shape[2] - 1) / 2
    # From pixels of the output (column, row) to those of the input.
    transform = [cos, -sin, column - cos * column + sin * row]
    transform += [sin, cos, row - sin * column - cos * row, 0.0, 0.0]
    return keras.ops.image.affine_transform(x, tf.constant(transform), fill_mode="constant")
