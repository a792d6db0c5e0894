"""`contrastive`: features in which views of one galaxy agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo.image_model import ImageModel
from zoo.layers.backbones import ARCHITECTURES, backbone
from zoo.layers.feature_queue import FeatureQueue
from zoo.layers.moving_average import freeze_copy, update_teacher
from zoo.layers.pooled_residual import perceptron, pooled_residual_network
from zoo.layers.sky_views import SURVEYS, SkyViews
from zoo.losses import contrastive as losses
from zoo.registry import register

__all__ = ["Contrastive"]

METHODS = ("simclr", "moco", "byol")

# Spread of the embeddings below which they are one point.
_COLLAPSED = 0.02


@register(
    "contrastive",
    task="representation",
    reference="Chen et al. 2020 (arXiv 2002.05709); views of Stein et al. 2021 (arXiv 2110.13151)",
)
class Contrastive(ImageModel):
    """Contrastive features: a network that gives two views of one galaxy the same vector.

    Two views v_1, v_2 of each image differ by dust, position angle, scale, seeing and noise
    (`zoo.layers.sky_views.SkyViews`), before the preprocessing. With the backbone f, the head g and
    z = g(f(v)) / |g(f(v))|:

        simclr   loss = NT-Xent(z_1, z_2)                 views of other images are pushed away
        moco     loss = InfoNCE(z_1, z'_2; queue)         as are the queue's vectors of old batches
        byol     loss = (|p_1 - z'_2|^2 + |p_2 - z'_1|^2) / 2,    p = h(z) / |h(z)|

    z' is of a teacher, whose weights follow by moving average: w' <- m w' + (1 - m) w after each
    step. Negatives, statistics of the normalisation and the queue are those of all replicas. The
    features, f(x), are used without the head.

    Logged beside the loss: `alignment` of the two views of an image (0: invariant), `uniformity`
    over images (-4: everywhere on the sphere) and `spread` (1: everywhere, 0: a point). A training
    whose embeddings collapse to a point stops.

    Departures: the teacher normalises by moving averages of its student's statistics (Cai et al.
    2021), so that batches need not be shuffled among devices; its momentum is constant; every
    method has the same head, with batch normalisation in its hidden layer; a small backbone.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 3).
        preprocessing: See `zoo.preprocessing.make`. Default "standardize".
        method: "simclr" (default), "moco" or "byol".
        views: Distributions of the changes of view: "pictures" (default), "legacy" (see
            `zoo.layers.sky_views.SURVEYS`), or arguments of `SkyViews` by name.
        architecture: "residual" (default), or one of `zoo.layers.backbones.ARCHITECTURES`, for
            pixels from 0 to 255; bands other than three are averaged to grey for these.
        filters: Filters of each stage of "residual", each halving the image; the last is the number
            of features.
        blocks: Residual blocks of each stage after the first.
        hidden: Hidden units of head and predictor, default 256.
        projection: Length of z, default 64.
        temperature: T of "simclr" and "moco", default 0.2.
        queue: Vectors in the queue of "moco", default 2048.
        momentum: m of the teacher of "moco" and "byol", default 0.99.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Chen et al. 2020 (SimCLR); He et al. 2020 (arXiv:1911.05722) and Chen et al. 2020
        (arXiv:2003.04297), MoCo v2; Grill et al. 2020 (arXiv:2006.07733), BYOL; Cai et al. 2021
        (arXiv:2101.08482); Wang & Isola 2020 (arXiv:2005.10242). On galaxies: Hayat et al. 2021
        (arXiv:2012.13083), Stein et al. 2021 and 2022 (arXiv:2110.00023).

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).gamma(2.0, 20.0, size=(64, 16, 16, 3))
        model = zoo.create("contrastive", image_shape=(16, 16, 3), filters=(8, 16))
        model.fit(images)
        features = model.features(images)
        ```
    """

    fixed_arguments = ("augment",)
    least_batch = 2

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 3),
        preprocessing: Any = "standardize",
        method: str = "simclr",
        views: str | Mapping[str, Any] = "pictures",
        architecture: str = "residual",
        filters: Sequence[int] = (16, 32, 64, 128),
        blocks: int = 1,
        hidden: int = 256,
        projection: int = 64,
        temperature: float = 0.2,
        queue: int = 2048,
        momentum: float = 0.99,
        **kwargs: Any,
    ):
        super().__init__(image_shape=image_shape, preprocessing=preprocessing, **kwargs)
        _check(method, architecture, temperature, momentum)
        self.method = method
        self.views = views if isinstance(views, str) else dict(views)
        self.architecture = architecture
        self.filters = tuple(filters)
        self.blocks = blocks
        self.hidden = hidden
        self.projection = projection
        self.temperature = temperature
        self.queue = queue
        self.momentum = momentum
        self.sky_views = SkyViews(**_distributions(views))
        self.backbone = self._make_backbone("backbone")
        self.latent_dim = int(self.backbone.output_shape[-1])
        self.head = self._make_head("head")
        self.predictor = None
        if method == "byol":
            self.predictor = perceptron(
                projection, hidden, projection, self.seed + 40_000, "predictor"
            )
        if method != "simclr":
            self.teacher_backbone = self._make_backbone("teacher_backbone")
            self.teacher_head = self._make_head("teacher_head")
            for teacher, student in self._teachers():
                freeze_copy(teacher, student)
        if method == "moco":
            self.key_queue = FeatureQueue(queue, projection, self.seed, name="key_queue")
        self.built = True

    def _make_backbone(self, name: str) -> keras.Model:
        if self.architecture == "residual":
            return pooled_residual_network(
                self.preprocessed_shape, self.filters, self.blocks, self.seed, name
            )
        shape = (*self.preprocessed_shape[:2], 3)
        network = backbone(self.architecture, shape, self.seed)
        pooled = keras.layers.GlobalAveragePooling2D()(network.outputs[0])
        return keras.Model(network.inputs, pooled, name=name)

    def _make_head(self, name: str) -> keras.Model:
        return perceptron(self.latent_dim, self.hidden, self.projection, self.seed + 20_000, name)

    def _teachers(self) -> tuple[tuple[keras.Model, keras.Model], ...]:
        if self.method == "simclr":
            return ()
        return (self.teacher_backbone, self.backbone), (self.teacher_head, self.head)

    # Inference.

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns what the backbone sees in images in survey units, (batch, features) float32."""
        return self._see(self.backbone, self._network_input(images), training=False)

    def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the features as `latent_mean`."""
        return {"latent_mean": self.features(images)}

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        return self.encode(images)

    def _network_input(self, images: tf.Tensor) -> tf.Tensor:
        x = self.preprocessing(images)
        if self.architecture == "residual" or x.shape[-1] == 3:
            return x
        return tf.repeat(tf.reduce_mean(x, axis=-1, keepdims=True), 3, axis=-1)

    def _see(self, network: keras.Model, x: tf.Tensor, training: bool) -> tf.Tensor:
        return tf.cast(network(x, training=training), tf.float32)

    # Training.

    def augmented(self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return batch  # The views are made in `objective`, in validation too.

    def two_views(self, images: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns two random views of each image, preprocessed.

        Args:
            images: (batch, height, width, bands) in survey units.
            seed: Stateless seed, int32 of shape (2,).
        """
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        window = self.window
        first, second = (
            self._network_input(self.sky_views(images, each, window=window)) for each in seeds
        )
        return first, second

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        first, second = self.two_views(batch["image"], seed)
        if self.method == "moco":
            query = self._unit_vectors(first, training)
            key = self._teach(second)
            loss = losses.info_nce(query, key, self.key_queue.vectors, self.temperature)
            if training:
                self.key_queue.enqueue(key)
            return {"loss": loss, **_measures(query, key)}
        both = tf.concat([first, second], axis=0)
        embedded = self._project(both, training)
        views = tf.split(tf.math.l2_normalize(embedded, axis=-1), 2)
        if self.method == "simclr":
            loss = losses.nt_xent(*views, self.temperature)
        else:
            predicted = tf.cast(self.predictor(embedded, training=training), tf.float32)
            predicted = tf.split(tf.math.l2_normalize(predicted, axis=-1), 2)
            targets = tf.split(self._teach(both), 2)
            loss = 0.5 * (
                losses.negative_cosine(predicted[0], targets[1])
                + losses.negative_cosine(predicted[1], targets[0])
            )
        return {"loss": loss, **_measures(*views)}

    def train_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        terms = super().train_step(batch)
        for teacher, student in self._teachers():
            update_teacher(teacher, student, self.momentum)
        return terms

    def failure(self, terms: Mapping[str, float]) -> str | None:
        if terms["spread"] >= _COLLAPSED:
            return None
        return (
            f"the embeddings have collapsed to a point: their spread is {terms['spread']:.4f}, "
            f"below {_COLLAPSED} (a lower `learning_rate`, a longer warm-up or another method may "
            "help)"
        )

    def _project(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        return self._see(self.head, self._see(self.backbone, x, training), training)

    def _unit_vectors(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        return tf.math.l2_normalize(self._project(x, training), axis=-1)

    def _teach(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the teacher's unit vectors, through which no gradient flows."""
        seen = self._see(self.teacher_backbone, x, training=False)
        taught = self._see(self.teacher_head, seen, training=False)
        return tf.stop_gradient(tf.math.l2_normalize(taught, axis=-1))


def _measures(first: tf.Tensor, second: tf.Tensor) -> dict[str, tf.Tensor]:
    first, second = tf.stop_gradient(first), tf.stop_gradient(second)
    return {
        "alignment": losses.alignment(first, second),
        "uniformity": losses.uniformity(first),
        "spread": losses.spread(first),
    }


def _distributions(views: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(views, str):
        return views
    if views not in SURVEYS:
        raise ValueError(
            f"views must be one of {', '.join(SURVEYS)}, or arguments of SkyViews; got '{views}'"
        )
    return SURVEYS[views]


def _check(method: str, architecture: str, temperature: float, momentum: float) -> None:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got '{method}'")
    if architecture != "residual" and architecture not in ARCHITECTURES:
        raise ValueError(
            f"architecture must be one of residual, {', '.join(ARCHITECTURES)}; "
            f"got '{architecture}'"
        )
    if not temperature > 0:
        raise ValueError(f"temperature must be positive; got {temperature}")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be in [0, 1); got {momentum}")
