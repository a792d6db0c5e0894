"""`hypercolumn_segmentation`: pixels clustered by the hypercolumns of an autoencoder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo import losses, randomness, stretch
from zoo.image_model import ImageModel
from zoo.layers.hypercolumns import HypercolumnComponents
from zoo.layers.ordered_clusters import OrderedClusters
from zoo.layers.skip_autoencoder import skip_autoencoder
from zoo.preprocessing.background_noise import BackgroundNoiseNormalization
from zoo.registry import register
from zoo.signature import Signature

__all__ = ["MAPS", "HypercolumnSegmentation"]

MAPS = ("encoder", "decoder", "both")

# Largest value on the asinh scale that is drawn: e^16 / 2 times the noise.
_MAX_STRETCHED = 16.0

# Images at most, and pixels of them all, on which components and clusters are fitted; images at
# most from whose maps the scale of the channels is measured; images that pass through the network
# at a time.
_SAMPLED_IMAGES = 1024
_SAMPLED_PIXELS = 200_000
_SCALE_IMAGES = 64
_AT_ONCE = 16

# Rows and columns to the neighbours that may stand in for a hidden pixel.
_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


@register(
    "hypercolumn_segmentation",
    task="segmentation",
    reference="Sun et al. 2017 (SDSS star-galaxy report), 'AE + Hypercolumns'; "
    "Hariharan et al. 2015 (arXiv 1411.5752)",
)
class HypercolumnSegmentation(ImageModel):
    """Segments without labels: k-means over the hypercolumns of an autoencoder.

        y = asinh((image - background) / noise),    loss = mean over pixels of (y - g(f(y)))^2
        segment(p) = argmin_k |V^T (h(p) - mean) - c_k|^2

    h(p) are the standardised feature maps of all stages over the pixel p
    (`zoo.layers.hypercolumns`), V their principal axes, and c_k the centres of mini-batch k-means
    on a sample of pixels; all that is fitted by `finalize` after the training. Segments are
    numbered by the mean flux of their pixels, 0 the faintest; the largest is the sky
    (`background`). The number of clusters sets the resolution: 2 for sky and sources, more for
    the layers of the sources.

    An autoencoder with connections from encoder to decoder can pass on the image as it is, noise
    included. With `hidden`, a share of the pixels is replaced by a neighbour of theirs and the
    loss is taken over these alone (Krull+19, Noise2Void), so that the network predicts a pixel
    from its surroundings: what noise there is in it cannot be learnt, and the features are
    smooth.

    Nineteen pixels of twenty may be sky, and k-means of all pixels spends most of its centres on
    the noise of the sky. With `mostly_sky` channels are in units of their scatter in the sky, on
    the asinh scale, and two clusters, sky and sources, come first, of which the sources alone are
    divided further.

    Departures from Sun et al., whose report has figures and no numbers: `hidden`,
    `mostly_sky`, the decoder's maps and principal components; recipe `paper` is without them.

    Args:
        class_names: Not used: the classes are the segments, "segment_0" the faintest.
        preprocessing: See `zoo.preprocessing.make`; must keep the size of the images. Default
            "background_noise".
        augment: Whether training images are flipped and turned at random. Default True.
        clusters: K, number of segments. Default 8.
        filters: Filters of each stage, the first at the size of the image, each further one at
            half of the size before. Default (8, 16, 32).
        blocks: Blocks of two convolutions in each stage. Default 1.
        residual: Whether blocks add to their input and the decoder to the maps of the encoder.
            Default True.
        maps: Feature maps in the hypercolumns: "encoder", "decoder" or "both" (default).
        components: Principal components of the hypercolumns, at most as many as they have
            channels. Default 16.
        hidden: Share of the pixels that are hidden in training, default 0.1; 0 for a loss over
            all pixels, none hidden.
        mostly_sky: Whether most of the pixels are known to be sky, see above. Default True; False
            for k-means of all pixels alike, on channels divided by their standard deviation.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Hariharan et al. 2015 (arXiv 1411.5752); Krull et al. 2019 (arXiv 1811.10980); Sculley
        2010, "Web-scale k-means clustering"; Sun et al. 2017, "Unsupervised star-galaxy
        segmentation and classification".

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 3))
        model = zoo.create("hypercolumn_segmentation", image_shape=(16, 16, 3), filters=(8, 12))
        model.fit(images, epochs=2)
        segments = model.predict(images)["segment"]  # (64, 16, 16) integers, 0 the faintest
        ```
    """

    def __init__(
        self,
        *,
        class_names: Sequence[str] = (),
        preprocessing: Any = "background_noise",
        augment: bool = True,
        clusters: int = 8,
        filters: Sequence[int] = (8, 16, 32),
        blocks: int = 1,
        residual: bool = True,
        maps: str = "both",
        components: int = 16,
        hidden: float = 0.1,
        mostly_sky: bool = True,
        **kwargs: Any,
    ):
        names = tuple(f"segment_{number}" for number in range(clusters))
        super().__init__(preprocessing=preprocessing, augment=augment, class_names=names, **kwargs)
        if self.preprocessed_shape[:2] != self.image_shape[:2]:
            raise ValueError(
                f"preprocessing must keep the size of the images, {self.image_shape[:2]}, for a "
                f"segment of each pixel; got {self.preprocessed_shape[:2]}"
            )
        if maps not in MAPS:
            raise ValueError(f"maps must be one of {', '.join(MAPS)}; got '{maps}'")
        if not 0 <= hidden < 1:
            raise ValueError(f"hidden must be at least 0 and below 1; got {hidden}")
        if len(filters) < 2 or min(filters) < 1:
            raise ValueError(f"filters must be two positive numbers or more; got {list(filters)}")
        self.clusters = clusters
        self.filters = tuple(filters)
        self.blocks = blocks
        self.residual = residual
        self.maps = maps
        self.components = components
        self.hidden = hidden
        self.mostly_sky = mostly_sky
        bands = self.preprocessed_shape[-1]
        self.autoencoder, factors = skip_autoencoder(
            (None, None, bands), self.filters, blocks, residual, self.seed
        )
        stages = len(self.filters)
        first, last = {"encoder": (0, stages), "decoder": (stages, None), "both": (0, None)}[maps]
        self._chosen = slice(first, last)
        channels = [output.shape[-1] for output in self.autoencoder.outputs[1:]]
        self.projection = HypercolumnComponents(
            channels[self._chosen], factors[self._chosen], components, robust=mostly_sky
        )
        self.segments = OrderedClusters(clusters, components, sky_first=mostly_sky)

    # The answer.

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns `segment`, (batch, height, width) int32: -1 where a pixel is not finite."""
        y, unknown = self._network_input(images)
        segment = self.segments(self.projection(self._maps(y), size=self.image_shape[:2]))
        return {"segment": tf.where(unknown, -1, segment)}

    def call_normalized(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `segment` for images of any size, less their sky and in units of its noise.

        The answer in a pixel depends on some tens of pixels around it and on nothing else, so that
        the tiles of a frame whose sky was measured as a whole fit each other.
        """
        unknown = tf.logical_not(tf.reduce_all(tf.math.is_finite(images), axis=-1))
        y = stretch.asinh(tf.where(unknown[..., None], 0.0, images))
        size = tf.shape(images)[1:3]
        segment = self.segments(self.projection(self._maps(y), size=(size[0], size[1])))
        return {"segment": tf.where(unknown, -1, segment)}

    def signatures(self) -> dict[str, Signature]:
        offered = super().signatures()
        # With another preprocessing the network does not read units of noise.
        if isinstance(self.preprocessing, BackgroundNoiseNormalization):
            shape = (None, None, None, self.image_shape[-1])
            image = tf.TensorSpec(shape, tf.float32, name="image")
            offered["normalized"] = Signature(self.call_normalized, (image,))
        return offered

    def hypercolumns(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the hypercolumns as the network has them, (batch, height, width, channels)."""
        return self.projection.columns(
            self._maps(self._network_input(images)[0]), self.image_shape[:2]
        )

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the mean of the components over the pixels, (batch, components) float32.

        Args:
            images: (batch, height, width, bands) in survey units.
        """
        y, _ = self._network_input(images)
        return tf.reduce_mean(self.projection(self._maps(y), size=self.image_shape[:2]), (1, 2))

    def reconstruct(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `reconstruction`: the reproduced images, in survey units."""
        y, _ = self._network_input(images)
        drawn = stretch.sinh(self.autoencoder(y)[0], _MAX_STRETCHED)
        return {"reconstruction": self.preprocessing.inverse(drawn, like=_filled(images)[0])}

    @property
    def background(self) -> int:
        """Number of the largest segment of the sample, which is the sky."""
        return int(np.argmax(self.segments.shares.numpy()))

    def _network_input(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the images on the asinh scale, and which pixels are unknown."""
        filled, unknown = _filled(images)
        x = tf.cast(self.preprocessing(filled), tf.float32)
        return stretch.asinh(tf.where(unknown[..., None], 0.0, x)), unknown

    def _maps(self, y: tf.Tensor) -> list[tf.Tensor]:
        return self.autoencoder(y)[1:][self._chosen]

    # Training.

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        y, _ = self._network_input(batch["image"])
        if not self.hidden:
            return {"loss": losses.mse(y, self.autoencoder(y, training=training)[0])}
        height, width = self.preprocessed_shape[:2]
        draws = randomness.uniform(tf.shape(y)[0], (height, width, 1), seed)
        hidden = draws < self.hidden
        # The draw of a hidden pixel, uniform below `hidden`, chooses among its neighbours too.
        stand_in = y
        for number, shift in enumerate(_NEIGHBOURS):
            below = draws < self.hidden * (1 - number / len(_NEIGHBOURS))
            stand_in = tf.where(below, tf.roll(y, shift, (1, 2)), stand_in)
        error = tf.square(y - self.autoencoder(stand_in, training=training)[0])
        counted = tf.cast(hidden, tf.float32)
        pixels = tf.maximum(tf.reduce_sum(counted, axis=(1, 2, 3)), 1.0)
        error = tf.reduce_sum(error * counted, axis=(1, 2, 3))
        return {"loss": error / (pixels * self.preprocessed_shape[-1])}

    def finalize(self, images: np.ndarray) -> None:
        """Fits standardisation, principal components and clusters to a sample of pixels.

        Args:
            images: (number, height, width, bands) in survey units, without labels; of more than
                1024 some are left out.
        """
        images = images[:: math.ceil(len(images) / _SAMPLED_IMAGES)]
        draws = np.random.default_rng(self.seed)
        some = images[:: math.ceil(len(images) / _SCALE_IMAGES)]
        parts = [[x.numpy() for x in self._maps(y)] for y in self._network_inputs(some)]
        self.projection.adapt_scale([np.concatenate(stage) for stage in zip(*parts, strict=True)])

        columns, flux = self._sampled_pixels(images, draws)
        self.projection.adapt(columns)
        vectors = self.projection.project(tf.constant(columns)).numpy()
        self.segments.adapt(vectors, flux, self.seed)

    def _sampled_pixels(
        self, images: np.ndarray, draws: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns hypercolumns and fluxes (mean of the bands, units of noise) of some pixels."""
        size = self.image_shape[:2]
        pixels = math.prod(size)
        each = min(pixels, math.ceil(_SAMPLED_PIXELS / len(images)))
        sampled = []
        for y in self._network_inputs(images):
            rows = np.stack([draws.choice(pixels, each, replace=False) for _ in range(len(y))])
            maps = (self.projection.columns(self._maps(y), size), tf.reduce_mean(tf.sinh(y), -1))
            flat = (tf.reshape(values, (len(y), pixels, -1)) for values in maps)
            sampled.append([tf.gather(values, rows, batch_dims=1).numpy() for values in flat])
        columns, flux = (
            np.concatenate([part.reshape(-1, part.shape[-1]) for part in parts])
            for parts in zip(*sampled, strict=True)
        )
        return columns, flux[:, 0]

    def _network_inputs(self, images: np.ndarray) -> Iterator[tf.Tensor]:
        for start in range(0, len(images), _AT_ONCE):
            part = tf.constant(images[start : start + _AT_ONCE], tf.float32)
            yield self._network_input(part)[0]


def _filled(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns images without NaN and infinity, and which pixels had one in any band.

    They take the mean of the others in their image and band, which keeps the measured sky finite.
    """
    images = tf.cast(images, tf.float32)
    finite = tf.math.is_finite(images)
    known = tf.where(finite, images, 0.0)
    number = tf.reduce_sum(tf.cast(finite, tf.float32), axis=(1, 2), keepdims=True)
    mean = tf.reduce_sum(known, axis=(1, 2), keepdims=True) / tf.maximum(number, 1.0)
    return tf.where(finite, known, mean), tf.logical_not(tf.reduce_all(finite, axis=-1))
