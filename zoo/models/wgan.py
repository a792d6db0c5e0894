"""`wgan`: anomalies as images that a generator of galaxies cannot draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import latent_search, randomness
from zoo.batching import in_parts
from zoo.image_model import ImageModel
from zoo.layers.adversarial_networks import critic_network, encoder_network, generator_network
from zoo.layers.score_scale import ScoreScale
from zoo.losses import wasserstein
from zoo.prediction_table import SCORES
from zoo.registry import register
from zoo.signature import Signature

__all__ = ["WGAN"]

# Purposes of random numbers within a step; the turns of the critic follow the first.
_GENERATOR, _CRITIC = 10, 11

# Images, the first ones of the training, whose scores set the scale of all.
_SCALE_IMAGES = 512

# Scatter of drawn images in that of real ones below which they are all the same, and steps that a
# new generator, whose images are nearly the same too, has before that is a failure.
_COLLAPSED, _FIRST_STEPS = 0.02, 200

# Mean slope of the critic, which the penalty keeps near one, that means that it has diverged.
_DIVERGED = 10.0


@register(
    "wgan",
    task="representation",
    reference="Storey-Fisher et al. 2021 (MNRAS 508, 2946; arXiv:2105.02434)",
)
class WGAN(ImageModel):
    """Anomaly scores by a Wasserstein generative adversarial network with gradient penalty.

    The generator G draws images from z ~ N(0, I), the critic D with its last maps f tells them from
    the training images x, and the encoder E guesses the z of an image. Each step of the training
    has `critic_steps` steps of the critic, each on its own share of the batch, then one of the
    generator and one of the encoder:

        critic      mean D(G(z)) - mean D(x) + penalty mean (|grad D| - 1)^2
        generator   - mean D(G(z))
        encoder     s(x, E(x)) / pixels + mean |E(G(z)) - z|^2

    The score of an image is the least s that `search_steps` steps of Adam on z find, from E(x):

        s(x, z) = (1 - feature_weight) sum |x - G(z)| + feature_weight sum |f(x) - f(G(z))|

    `anomaly_score` is s, `image_score` and `feature_score` are its two sums; all three count in
    standard deviations above the mean of training images.

    Logged: `loss`, the mean |x - G(E(x))| of a pixel, from which the best epoch follows;
    `wasserstein`, mean D(x) - mean D(G(z)); `slope`, |grad D|; `diversity`, the scatter of drawn
    images in that of real ones. A generator whose images are all the same, or a critic with a mean
    slope above 10, ends the training.

    Departures: the encoder learns beside the other two, and its guess is not squeezed to zero by
    tanh(1e-7 x); the score is the least on the way, not the last; the generator's noise is of the
    training alone, so that scores repeat.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 3).
        preprocessing: See `zoo.preprocessing.make`. Default "rescale", for pictures of 0 to 255.
        augment: Whether training images are flipped and turned at random. Default True.
        bounded: Whether the generator's images are within 0 and 1, as preprocessed pictures are.
            Default True; False for a preprocessing that is not bounded.
        latent_dim: Length of z, default 128.
        filters: Filters of each stage of the critic, each halving the image; the generator and the
            encoder mirror it. Default (16, 32, 64, 128), a quarter of the published width.
        critic_steps: Steps of the critic for each of the generator, default 5.
        penalty: Weight of the gradient penalty, default 10.
        noise: Standard deviation of the noise within the generator in training, default 0.1.
        feature_weight: Weight of the critic's maps in the score, default 0.3.
        search_steps: Vectors z that are looked at for the score of an image, default 10.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Storey-Fisher et al. 2021, and its public code; Gulrajani et al. 2017 (arXiv:1704.00028),
        WGAN-GP; Schlegl et al. 2019 (f-AnoGAN, Medical Image Analysis 54, 30), the encoder.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).integers(0, 255, size=(64, 16, 16, 3))
        model = zoo.create("wgan", image_shape=(16, 16, 3), filters=(8, 16), critic_steps=2)
        model.fit(images)
        strangeness = model.predict(images)["anomaly_score"]
        ```
    """

    # Of the source: the critic changes between steps, and old gradients soon mean nothing.
    adam_betas = (0.5, 0.9)

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 3),
        preprocessing: Any = "rescale",
        augment: bool = True,
        bounded: bool = True,
        latent_dim: int = 128,
        filters: Sequence[int] = (16, 32, 64, 128),
        critic_steps: int = 5,
        penalty: float = 10.0,
        noise: float = 0.1,
        feature_weight: float = 0.3,
        search_steps: int = 10,
        **kwargs: Any,
    ):
        super().__init__(
            image_shape=image_shape, preprocessing=preprocessing, augment=augment, **kwargs
        )
        for name, value in {"critic_steps": critic_steps, "search_steps": search_steps}.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}")
        if penalty < 0:
            raise ValueError(f"penalty must be at least 0; got {penalty}")
        if not 0 <= feature_weight <= 1:
            raise ValueError(f"feature_weight must be in [0, 1]; got {feature_weight}")
        self.bounded = bounded
        self.latent_dim = latent_dim
        self.filters = tuple(filters)
        self.critic_steps = critic_steps
        self.penalty = penalty
        self.noise = noise
        self.feature_weight = feature_weight
        self.search_steps = search_steps
        shape, seed = self.preprocessed_shape, self.seed
        self.generator = generator_network(latent_dim, shape, self.filters, seed, bounded=bounded)
        self.critic = critic_network(shape, self.filters, seed + 20_000)
        self.encoder = encoder_network(shape, self.filters, latent_dim, seed + 40_000)
        self.score_scale = ScoreScale(len(SCORES), name="score_scale")
        self.pixels = int(np.prod(shape))
        self.built = True

    # Inference.

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        return self._scores(self._nearest(images)[0])

    def score(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the scores of images, with the z found for each and what is drawn from it.

        Args:
            images: (batch, height, width, bands) in survey units.

        Returns:
            The scores of `call`, (batch,) float32 each; `latent`, (batch, latent_dim), z; and
            `reconstruction`, G(z) in survey units.
        """
        residuals, z, drawn = self._nearest(images)
        reconstruction = self.preprocessing.inverse(drawn, like=images)
        return {**self._scores(residuals), "latent": z, "reconstruction": reconstruction}

    def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the encoder's guess of z as `latent_mean`."""
        return {"latent_mean": self._guess(self.preprocessing(images))}

    def decode(self, latent: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns what the generator draws from z as `image`, in survey units."""
        return {"image": self.preprocessing.inverse(self._draw(latent))}

    def generate(self, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns an image that the generator draws at random for each seed.

        Args:
            seed: (batch,) int32; the same seed gives the same image.

        Returns:
            `image` in survey units, and `latent`, the z that it is drawn from.
        """
        z = tf.map_fn(
            lambda number: tf.random.stateless_normal((self.latent_dim,), tf.stack([number, 0])),
            seed,
            fn_output_signature=tf.TensorSpec((self.latent_dim,), tf.float32),
        )
        return {**self.decode(z), "latent": z}

    def reconstruct(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the nearest image that the search for the score of each one finds."""
        return {"reconstruction": self.score(images)["reconstruction"]}

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the means of the critic's last maps, (batch, filters[-1]) float32."""
        return tf.reduce_mean(self._judge(self.preprocessing(images))[0], axis=(1, 2))

    def signatures(self) -> dict[str, Signature]:
        seed = tf.TensorSpec((None,), tf.int32, name="seed")
        return super().signatures() | {"generate": Signature(self.generate, (seed,))}

    def finalize(self, images: np.ndarray) -> None:
        """Sets the scale of the scores by those of training images."""
        shape = (None, *self.image_shape)
        residuals = tf.function(
            lambda images: self._nearest(images)[0],
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )
        self.score_scale.adapt(in_parts(residuals, images[:_SCALE_IMAGES], size=64))

    def _draw(self, z: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        if noise is None:
            shape = self.generator.input_shape[1][1:]
            noise = tf.zeros((tf.shape(z)[0], *shape))
        return tf.cast(self.generator([z, noise]), tf.float32)

    def _judge(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the critic's last maps and its number, (batch,)."""
        maps, number = self.critic(x)
        return tf.cast(maps, tf.float32), tf.cast(number, tf.float32)[:, 0]

    def _guess(self, x: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.encoder(x), tf.float32)

    def _residuals(self, x: tf.Tensor, maps: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
        """Returns s and its sums over pixels and over the critic's maps, (batch, 3)."""
        of_image = tf.reduce_sum(tf.abs(x - drawn), axis=(1, 2, 3))
        of_features = tf.reduce_sum(tf.abs(maps - self._judge(drawn)[0]), axis=(1, 2, 3))
        total = (1 - self.feature_weight) * of_image + self.feature_weight * of_features
        return tf.stack([total, of_image, of_features], axis=-1)

    def _nearest(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the residuals of the nearest image found for each, its z, and that image."""
        x = self.preprocessing(images)
        maps = self._judge(x)[0]
        z = latent_search.search(
            self._guess(x),
            lambda z: self._residuals(x, maps, self._draw(z))[:, 0],
            self.search_steps,
        )
        drawn = self._draw(z)
        return self._residuals(x, maps, drawn), z, drawn

    def _scores(self, residuals: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = tf.unstack(self.score_scale(residuals), axis=-1)
        return dict(zip(SCORES, scores, strict=True))

    # Training.

    @property
    def least_batch(self) -> int:
        """Two images for each step of the critic on each replica."""
        return 2 * self.critic_steps * self.distribute_strategy.num_replicas_in_sync

    def parameter_groups(self) -> dict[str, list[keras.Variable]]:
        return {
            "generator": self.generator.trainable_variables,
            "critic": self.critic.trainable_variables,
            "encoder": self.encoder.trainable_variables,
        }

    @property
    def group_updates(self) -> dict[str, int]:
        return {"critic": self.critic_steps}

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        x = self.preprocessing(batch["image"])
        z, drawn = self._drawn_at_random(x, seed)
        return {
            **self._critic_terms(x, drawn, seed),
            "generator": -self._judge(drawn)[1],
            "diversity": wasserstein.diversity(drawn, x),
            **self._encoder_terms(x, z, drawn),
        }

    def train_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        step = self.step_count
        batch = self.augmented(batch, randomness.step_seed(self.seed, step, purpose=1))
        x = self.preprocessing(batch["image"])
        # Interleaved, so that a share has the same images on any number of replicas.
        shares = [x[turn :: self.critic_steps] for turn in range(self.critic_steps)]
        turns = []
        for turn, share in enumerate(shares):
            seed = randomness.step_seed(self.seed, step, purpose=_CRITIC + turn)
            drawn = self._drawn_at_random(share, seed)[1]
            with tf.GradientTape() as tape:
                turns.append(_means(self._critic_terms(share, drawn, seed)))
                loss = self.scaled_loss(turns[-1]["critic"], "critic")
            turns[-1] |= self.apply_gradients(tape, loss, "critic")
        terms = {name: tf.add_n([turn[name] for turn in turns]) / len(turns) for name in turns[0]}

        seed = randomness.step_seed(self.seed, step, purpose=_GENERATOR)
        share = shares[-1]
        with tf.GradientTape() as tape:
            z, drawn = self._drawn_at_random(share, seed)
            terms["generator"] = -tf.reduce_mean(self._judge(drawn)[1])
            loss = self.scaled_loss(terms["generator"], "generator")
        terms |= self.apply_gradients(tape, loss, "generator")
        terms["diversity"] = wasserstein.diversity(drawn, share)

        with tf.GradientTape() as tape:
            terms |= _means(self._encoder_terms(share, z, drawn))
            loss = self.scaled_loss(terms["encoder"], "encoder")
        terms |= self.apply_gradients(tape, loss, "encoder")
        return self.mean_terms(terms, batch)

    def failure(self, terms: Mapping[str, float]) -> str | None:
        if terms["slope"] > _DIVERGED:
            return (
                f"the critic has diverged: its mean slope is {terms['slope']:.3g}, above "
                f"{_DIVERGED:g}, and should be near 1 (a lower `learning_rate` or a higher "
                "`penalty` may help)"
            )
        if terms["diversity"] < _COLLAPSED and int(self.step_count) >= _FIRST_STEPS:
            return (
                "the generator has collapsed, its images are all the same: their scatter is "
                f"{terms['diversity']:.4f} of that of the training images, below {_COLLAPSED} (a "
                "lower `learning_rate`, more `critic_steps`, or pixels preprocessed to 0 to 1 may "
                "help)"
            )
        return None

    def _drawn_at_random(self, like: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns as many z as there are images, and what is drawn from them with noise."""
        rows = tf.shape(like)[0]
        of_latents, of_noise = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        z = randomness.normal(rows, (self.latent_dim,), of_latents)
        noise = randomness.normal(rows, self.generator.input_shape[1][1:], of_noise)
        return z, self._draw(z, self.noise * noise)

    def _critic_terms(
        self, real: tf.Tensor, drawn: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        number, drawn_number = self._judge(real)[1], self._judge(drawn)[1]
        of_pairs = tf.random.experimental.stateless_fold_in(seed, 1)
        slope = wasserstein.slopes(lambda x: self._judge(x)[1], real, drawn, of_pairs)
        distance = number - drawn_number
        return {
            "critic": self.penalty * tf.square(slope - 1) - distance,
            "wasserstein": distance,
            "slope": slope,
        }

    def _encoder_terms(self, x: tf.Tensor, z: tf.Tensor, drawn: tf.Tensor) -> dict[str, tf.Tensor]:
        reproduced = self._draw(self._guess(x))
        total, of_image, _ = tf.unstack(self._residuals(x, self._judge(x)[0], reproduced), axis=-1)
        of_latents = tf.reduce_mean(tf.square(self._guess(drawn) - z), axis=-1)
        return {"encoder": total / self.pixels + of_latents, "loss": of_image / self.pixels}


def _means(terms: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: tf.reduce_mean(value) for name, value in terms.items()}
