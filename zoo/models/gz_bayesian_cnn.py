"""`gz_bayesian_cnn`: volunteers' votes with the uncertainty of a small network's own weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from zoo.registry import register
from zoo.vote_model import VoteModel

__all__ = ["GZBayesianCNN"]


@register(
    "gz_bayesian_cnn",
    task="votes",
    reference="Walmsley et al. 2019 (arXiv:1905.07424); likelihood of Walmsley et al. 2022",
)
class GZBayesianCNN(VoteModel):
    """Convolutional network with MC dropout that predicts distributions of votes.

        f = 32, 32, P, 64, 64, P, 128, P, 128, P (3 x 3 convolutions, ReLU; P: 2 x 2 maximum)
        x_m = W_2 drop_m(relu(W_1 f + b_1)) + b_2,   m = 1 ... M
        loss = -sum_q log p(k_q | x),    p(k) = 1/M sum_m p(k | x_m) in use

    The votes of a question are Dirichlet-multinomial with alpha = a + 100 sigmoid(x), or binomial
    with rho = softmax(x). `acquisition(images)` says which galaxies would teach the network most.

    Departures from the source: all questions of the tree at once, after Walmsley+22 (theirs is
    one, binomial, with one output); concentrations below 1, without which a network that cannot
    separate round from cigar-shaped has to expect something in between; the same M masks for all
    images, behind the hidden layer alone (`zoo.layers.vote_head.VoteHead`), so that the rest runs
    once for all passes; images in colour; pooling stops where one pixel is left.

    Args:
        preprocessing: See `zoo.preprocessing.make`. Default "standardize".
        filters: Filters of the convolutions of each stage; a pooling ends each.
        units: Length of the hidden dense layers, default (128,).

    The other arguments are those of `zoo.vote_model.VoteModel`; a is its `lowest_concentration`.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Walmsley et al. 2019, section 3.2 and figure 4; Walmsley et al. 2022 (arXiv:2102.08414),
        section 4.1; Gal & Ghahramani 2016 (arXiv:1506.02142).

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 3))
        votes = np.random.default_rng(1).integers(0, 20, (64, 3))  # smooth, featured, artifact
        model = zoo.create("gz_bayesian_cnn", image_shape=(16, 16, 3), filters=((8,),))
        model.fit(images, votes, epochs=2)
        fractions = model.predict(images)["fractions"]
        ```
    """

    def __init__(
        self,
        *,
        preprocessing: Any = "standardize",
        filters: Sequence[Sequence[int]] = ((32, 32), (64, 64), (128,), (128,)),
        units: Sequence[int] = (128,),
        **kwargs: Any,
    ):
        super().__init__(preprocessing=preprocessing, units=units, **kwargs)
        self.filters = tuple(tuple(stage) for stage in filters)
        if not self.filters or any(not stage or min(stage) < 1 for stage in self.filters):
            raise ValueError(
                "filters must be lists of positive integers, one for each stage; "
                f"got {[list(stage) for stage in self.filters]}"
            )
        self.encoder = _convolutions(self.preprocessed_shape, self.filters, self.seed)
        self.head = self._make_head(int(np.prod(self.encoder.output_shape[1:])))
        self.built = True

    def _vector(self, images: tf.Tensor, training: bool) -> tf.Tensor:
        return self.encoder(self.preprocessing(images))


def _convolutions(
    image_shape: Sequence[int], filters: Sequence[Sequence[int]], seed: int
) -> keras.Model:
    images = keras.Input(tuple(image_shape))
    x, number = images, seed
    for stage in filters:
        for width in stage:
            x = layers.Conv2D(
                width,
                3,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=number),
            )(x)
            number += 1
        if min(x.shape[1:3]) > 1:
            x = layers.MaxPooling2D(2)(x)
    return keras.Model(images, layers.Flatten()(x), name="encoder")
