"""`gz_backbone`: volunteers' votes by a network of `keras.applications`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from zoo.layers.backbones import backbone
from zoo.registry import register
from zoo.vote_model import VoteModel

__all__ = ["GZBackbone"]


@register(
    "gz_backbone",
    task="votes",
    reference="Walmsley et al. 2022 (arXiv:2102.08414); Tan & Le 2021 (arXiv:2104.00298)",
)
class GZBackbone(VoteModel):
    """Votes on all questions by a modern network with a head that drops at test time too.

        f = mean over the pixels of backbone(image)
        x_m = W drop_m(f) + b,   m = 1 ... M      loss = -sum_q log p(k_q | x)

    The likelihoods and the passes are those of `gz_bayesian_cnn`. The networks scale pixels from 0
    to 255 themselves; they halve the image five times, so that small images gain from `cut`, an
    earlier layer, or from being scaled up. Networks with batch normalisation (all but ConvNeXt)
    have the moments of the global batch in training (`zoo.layers.batch_normalization`) and the
    moving ones, which checkpoints hold, in use.

    Images of other than three bands are averaged to grey.

    Departures from the source: any architecture (theirs is EfficientNet-B0), 20 fixed passes in
    place of 5 draws, and nothing is dropped within the network (`zoo.layers.backbones`).

    Args:
        preprocessing: See `zoo.preprocessing.make`; what it returns should be 0 to 255. Default
            a resizing to 64 x 64.
        architecture: See `zoo.layers.backbones.ARCHITECTURES`. Default "efficientnet_v2_b0".
        weights: "none" (default) for random ones, "imagenet", which Keras downloads once, or the
            path of Keras's file without top. A saved model has its weights with it.
        cut: Name of the layer whose output is averaged; None (default) for the last one.
        grey: Whether colours are averaged, default False.
        dropout: Share that is dropped in training and in use, default 0.2.

    The other arguments are those of `zoo.vote_model.VoteModel`.

    Raises:
        ValueError: if an argument is outside what is listed here, or weights cannot be had.

    References:
        Walmsley et al. 2022, section 4; Tan & Le 2021 (EfficientNetV2); Liu et al. 2022
        (arXiv:2201.03545, ConvNeXt).

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(8, 32, 32, 3))
        votes = np.random.default_rng(1).integers(0, 20, (8, 3))  # smooth, featured, artifact
        first_blocks = {"cut": "block2b_add", "preprocessing": ()}
        model = zoo.create("gz_backbone", image_shape=(32, 32, 3), **first_blocks)
        model.fit(images, votes)
        fractions = model.predict(images)["fractions"]
        ```
    """

    kept_as: Mapping[str, str] = {"weights": "weights_source"}

    def __init__(
        self,
        *,
        preprocessing: Any = ({"name": "resize", "height": 64},),
        architecture: str = "efficientnet_v2_b0",
        weights: str | None = "none",
        cut: str | None = None,
        grey: bool = False,
        dropout: float = 0.2,
        **kwargs: Any,
    ):
        super().__init__(preprocessing=preprocessing, dropout=dropout, **kwargs)
        # `weights=none` on a command line is None, as any other hyperparameter.
        self.weights_source = "none" if weights is None else str(weights)
        self.architecture = architecture
        self.cut = cut
        self.grey = grey
        shape = (*self.preprocessed_shape[:2], 3)
        self.backbone = backbone(architecture, shape, self.seed, self.weights_source, cut)
        self.head = self._make_head(int(self.backbone.output_shape[-1]))
        self.built = True

    def _vector(self, images: tf.Tensor, training: bool) -> tf.Tensor:
        x = self.preprocessing(images)
        if self.grey or x.shape[-1] != 3:
            x = tf.repeat(tf.reduce_mean(x, axis=-1, keepdims=True), 3, axis=-1)
        return tf.reduce_mean(self.backbone(x, training=training), axis=(1, 2))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> GZBackbone:
        """Returns the model with random weights, which the saved ones replace."""
        model = cls(**{**config, "weights": "none"})
        model.weights_source = config.get("weights", "none")
        return model
