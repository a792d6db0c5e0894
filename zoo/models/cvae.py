"""`cvae`: the unsupervised conditional VAE, one unit for the class and the others for the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from zoo.models.vae_mixture import MixtureVAE
from zoo.registry import register

__all__ = ["ConditionalVAE"]

tfd = tfp.distributions


@register(
    "cvae",
    task="unsupervised_classification",
    reference="Sun et al. 2017 (SDSS star-galaxy report), 'Conditional VAE design'",
)
class ConditionalVAE(MixtureVAE):
    """Unsupervised conditional VAE: one constrained unit classifies, the free units reproduce.

        loss = -E_q[log p(x | z)] + beta E_q[log q(z_0 | x) - log p(z_0)],   per pixel
        p(z_0) = sum_k pi_k N(z_0; mu_k, s_k^2)

    Only the first unit has noise, a prior and a divergence; the others pass from encoder to
    decoder as they are. With the profile decoder that unit is the logarithm of the object's size,
    the one quantity in which stars (all of the size of the seeing) differ from galaxies, and the
    free units take flux, colours, shape, position and wings.

    Departure from the source: the decoder is a light profile by default ("convolutional" is the
    source's). The prior is the source's: two fixed modes of equal width, so that the probability
    rises steadily along the unit.

    The arguments are those of `zoo.models.vae_mixture.MixtureVAE`; the mixture always covers the
    first latent alone.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 5),
        class_names: Sequence[str] = (),
        preprocessing: Any = "background_noise",
        augment: bool = True,
        seed: int = 0,
        latent_dim: int = 16,
        filters: Sequence[int] = (16, 32, 64),
        blocks: int = 1,
        apertures: Sequence[float] | None = None,
        decoder: str = "profile",
        likelihood: str = "student_t",
        noise: str | float = "learnt",
        model_error: float = 0.1,
        degrees_of_freedom: float = 4.0,
        stretch: bool = True,
        beta: float = 1.0,
        beta_warmup_steps: int = 0,
        prior_components: int = 2,
        prior_separation: float = 1.0,
        prior_scale: float = 0.5,
        learnt: bool = False,
        compact_class: str = "star",
        **kwargs: Any,
    ):
        super().__init__(
            image_shape=image_shape,
            class_names=class_names,
            preprocessing=preprocessing,
            augment=augment,
            seed=seed,
            latent_dim=latent_dim,
            filters=filters,
            blocks=blocks,
            apertures=apertures,
            decoder=decoder,
            likelihood=likelihood,
            noise=noise,
            model_error=model_error,
            degrees_of_freedom=degrees_of_freedom,
            stretch=stretch,
            beta=beta,
            beta_warmup_steps=beta_warmup_steps,
            prior_components=prior_components,
            prior_dims=1,
            prior_separation=prior_separation,
            prior_scale=prior_scale,
            learnt=learnt,
            compact_class=compact_class,
            **kwargs,
        )

    def sample(self, q: tfd.Distribution, seed: tf.Tensor) -> tf.Tensor:
        latent = super().sample(q, seed)
        return tf.concat([latent[:, :1], q.mean()[:, 1:]], axis=-1)

    def divergences(
        self, q: tfd.Distribution, latent: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        unit = tfd.Normal(q.mean()[:, 0], q.stddev()[:, 0])
        log_prior = self.prior.log_prob_mixed(latent[:, :1])
        return {"kl": unit.log_prob(latent[:, 0]) - log_prior}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        # Fixed here: the class unit is the first latent, and it alone has a covariance.
        del config["prior_dims"], config["posterior"]
        return config
