"""`vae_mixture`: a variational autoencoder whose prior has modes, one for each kind of object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.mixture import GaussianMixture

from zoo.batching import in_parts
from zoo.distributions import MixturePrior, kl_monte_carlo
from zoo.layers.component_classes import ComponentClasses, half_light_radius
from zoo.layers.profile import ProfileDecoder
from zoo.models.vae import VAE
from zoo.registry import register

__all__ = ["MixtureVAE"]

tfd = tfp.distributions

# The refit of the mixture: starts of EM, least variance of a component.
_REFIT_STARTS = 8
_REFIT_FLOOR = 1e-3


@register(
    "vae_mixture",
    task="unsupervised_classification",
    reference="Sun et al. 2017 (SDSS star-galaxy report), 'Revise the KL-term', DKL",
)
class MixtureVAE(VAE):
    """VAE with a mixture prior: the class is the component that is responsible.

        loss = (-E_q[log p(x | z)] + beta E_q[log q(z | x) - log p(z)]) / pixels
        p(z) = sum_k pi_k N(z; mu_k, Sigma_k),   P(k | x) = p(k | E_q[z])

    The divergence has no closed form and is estimated with one sample an image. Which component
    is the star is decided by size, without labels, in `finalize`.

    With the profile decoder (the default) the first latents are the logarithms of size and
    fluxes, so that the learnt mixture is a density model of the size-colour-magnitude space: stars
    are a thin sheet at the size of the seeing, galaxies lie above it. Sun et al. name the
    instability between repeats as their problem; this decoder solves it, since size cannot hide
    elsewhere.

    Departures from Sun et al.: the mixture is learnt by default (theirs is `learnt=False,
    prior_components=2, decoder="convolutional"`), and the decoder is a light profile.

    Args:
        prior_components: K, default 16, which describes held-out objects of the simulated sky best
            (docs/results.md): galaxies need more than one normal. With two classes, a component
            between the small and the large ones belongs to both in proportion.
        prior_dims: How many of the first latents the mixture covers; None (default) for size and
            fluxes with the profile decoder, and for all with the convolutional one.
        prior_separation: Distance of the outer modes from the origin, default 1.
        prior_scale: Standard deviation of a mode along the first latent at the start, default 1.
        learnt: Whether weights, means and covariances of the components are trained, and refitted
            by `finalize`.
        class_fractions: Shares of two classes among the training images as known before any label
            was looked at; `finalize` then sets the probability to one half where so many objects
            are on either side. None (default) to leave it as the components have it. A run gives
            those of its dataset or of `--class_fractions`.
        compact_class: Name of the class of compact objects, default "star".
        class_names: With two names, one of them `compact_class`, these are the classes; otherwise
            the classes are the components in the order of size, "component_1" the smallest.
            Without names: ("star", "galaxy").
        augment: Whether training images are flipped and turned at random. Default True.
        decoder: "profile" (default) or "convolutional", see `zoo.models.vae.VAE`.
        likelihood: See `zoo.models.vae.VAE`. Default "student_t".

    The other arguments are those of `zoo.models.vae.VAE`.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 3))
        model = zoo.create("vae_mixture", image_shape=(16, 16, 3), filters=(8,))
        model.fit(images, epochs=2)
        table = model.predict_table(images)  # probability_star, probability_galaxy, ...
        ```
    """

    def __init__(
        self,
        *,
        class_names: Sequence[str] = (),
        augment: bool = True,
        decoder: str = "profile",
        likelihood: str = "student_t",
        prior_components: int = 16,
        prior_dims: int | None = None,
        prior_separation: float = 1.0,
        prior_scale: float = 1.0,
        learnt: bool = True,
        class_fractions: Sequence[float] | None = None,
        compact_class: str = "star",
        **kwargs: Any,
    ):
        class_names = tuple(class_names) or ("star", "galaxy")
        two_classes = len(class_names) == 2 and compact_class in class_names
        if not two_classes:
            class_names = tuple(f"component_{k + 1}" for k in range(prior_components))
        super().__init__(
            class_names=class_names,
            augment=augment,
            decoder=decoder,
            likelihood=likelihood,
            **kwargs,
        )
        if two_classes and class_fractions is not None:
            if len(class_fractions) != 2 or not 0 < class_fractions[0] < 1:
                raise ValueError(
                    f"class_fractions must be two numbers above 0; got {list(class_fractions)}"
                )
            class_fractions = tuple(float(share) for share in class_fractions)
        self.class_fractions = class_fractions if two_classes else None
        self.compact_class = compact_class
        self.prior_components = prior_components
        self.prior_dims = prior_dims
        self.prior_separation = prior_separation
        self.prior_scale = prior_scale
        self.learnt = learnt
        self.prior = MixturePrior(
            self.latent_dim,
            components=prior_components,
            dims=prior_dims or self._mixed_latents(),
            separation=prior_separation,
            scale=prior_scale,
            learnt=learnt,
        )
        self.classes = ComponentClasses(
            prior_components,
            len(class_names),
            compact=class_names.index(compact_class) if two_classes else 0,
        )

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        q = self.infer(images)
        return {
            "probability": self.classes(self.responsibilities(q)),
            "latent_mean": q.mean(),
            "latent_stddev": q.stddev(),
        }

    def responsibilities(self, q: tfd.Distribution) -> tf.Tensor:
        """Returns p(k | z) at the mean of the posterior, (batch, K)."""
        return self.prior.responsibilities(q.mean())

    def divergences(
        self, q: tfd.Distribution, latent: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return {"kl": kl_monte_carlo(q, self.prior, latent)}

    def finalize(self, images: np.ndarray) -> None:
        """Refits a learnt mixture to the posterior means of the sample, and names its components.

        Gradient descent leaves a mixture in whichever optimum its start was near, and that is
        most of the scatter between repeats. Expectation maximisation from several starts, the
        likeliest kept, ends in the same place every time.
        """
        if self.prior.learnt:
            mixture = GaussianMixture(
                self.prior.components,
                n_init=_REFIT_STARTS,
                reg_covar=_REFIT_FLOOR,
                random_state=self.seed,
            )
            mixture.fit(self._posterior_means(images)[:, : self.prior.dims])
            self.prior.set_parameters(mixture.weights_, mixture.means_, mixture.covariances_)
        weights = tf.nn.softmax(self.prior.logits.value).numpy()
        self.classes.identify(self.component_sizes(), weights)
        if self.class_fractions is not None:
            members = self.prior.responsibilities(self._posterior_means(images))
            self.classes.balance(members, self.class_fractions[self.classes.compact])

    def _posterior_means(self, images: np.ndarray) -> np.ndarray:
        """Returns the mean of the posterior of each image, (number, latent_dim)."""
        return in_parts(lambda part: self.infer(part).mean(), images)

    def _mixed_latents(self) -> int:
        """Returns the number of latents that the mixture covers where the user names none."""
        if isinstance(self.decoder, ProfileDecoder):
            return 1 + self.decoder.bands
        return self.latent_dim

    def component_sizes(self) -> np.ndarray:
        """Returns log size in px of what the decoder draws at the mean of each component, (K,)."""
        rest = self.latent_dim - self.prior.dims
        latent = tf.pad(self.prior.means, [[0, 0], [0, rest]])
        parameters = self._profile_parameters(latent)
        if parameters is not None:
            return parameters["log_size"].numpy()
        return np.log([half_light_radius(image) for image in self._draw(latent).numpy()])

    def _profile_parameters(self, latent: tf.Tensor) -> dict[str, tf.Tensor] | None:
        """Returns the parameters of the light profiles drawn, None if the decoder draws others."""
        if not isinstance(self.decoder, ProfileDecoder):
            return None
        return self.decoder.parameters(latent)

    def sample_prior(self, number: int, seed: int) -> tf.Tensor:
        """Returns latent vectors drawn from the prior, (number, latent_dim)."""
        return self.prior.sample(number, tf.constant([seed, 0]))
