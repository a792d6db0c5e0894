"""`cvae`: the unsupervised conditional VAE, one unit for the class and the others for the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import optimize, special, stats
from sklearn.mixture import GaussianMixture

from zoo.models.vae_mixture import MixtureVAE
from zoo.registry import register

__all__ = ["ConditionalVAE"]

tfd = tfp.distributions

# The mixture that finds the boundary of the classes: starts, least variance, and how still the
# mean log density must stand. At scikit-learn's 1e-3 the boundary is off by a third of a width.
_STARTS = 8
_FLOOR = 1e-3
_TOLERANCE = 1e-7


@register(
    "cvae",
    task="unsupervised_classification",
    reference="Sun et al. 2017 (SDSS star-galaxy report), 'Conditional VAE design'",
)
class ConditionalVAE(MixtureVAE):
    """Unsupervised conditional VAE: one constrained unit classifies, the free units reproduce.

        loss = (-E_q[log p(x | z)] + beta E_q[log q(z_0 | x) - log p(z_0)]) / pixels
        p(z_0) = sum_k pi_k N(z_0; mu_k, s_k^2)

    Only the first unit has noise, a prior and a divergence; the others pass from encoder to
    decoder as they are. With the profile decoder that unit is the logarithm of the object's size,
    the one quantity in which stars (all of the size of the seeing) differ from galaxies, and the
    free units take flux, colours, shape, position and wings.

    Departures from Sun et al.: the decoder is a light profile by default (theirs is
    "convolutional"). In training the prior is theirs, two fixed modes of equal width and weight, so
    that the probability rises steadily along the unit; where one class has more members than the
    other its half lies beside the gap between them, and `finalize` moves it there.

    Args:
        prior_components: Components of the mixture prior, default 2.
        prior_scale: Standard deviation of a mode along the first latent at the start, default 0.5.
        learnt: Whether the mixture is trained, and refitted by `finalize`. Default False.

    The other arguments are those of `zoo.models.vae_mixture.MixtureVAE`, without `prior_dims` (the
    mixture covers the first latent), `posterior` and `class_fractions`.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 3))
        model = zoo.create("cvae", image_shape=(16, 16, 3), filters=(8,))
        model.fit(images, epochs=2)
        unit = model.encode(images)["latent_mean"][:, 0]  # the one that classifies
        ```
    """

    # The class unit is the first latent, and it alone has a covariance; where the classes meet is
    # read off the unit.
    fixed_arguments = ("prior_dims", "posterior", "class_fractions")

    def __init__(
        self,
        *,
        prior_components: int = 2,
        prior_scale: float = 0.5,
        learnt: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            prior_components=prior_components,
            prior_dims=1,
            prior_scale=prior_scale,
            learnt=learnt,
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

    def finalize(self, images: np.ndarray) -> None:
        """Names the modes; fixed ones are given weights and a width by what the sample shows.

        Two normals with widths of their own are fitted to the unit by expectation maximisation.
        The modes keep their places, and share the width and have the weights with which

            P = 1/2 where the two normals are equally likely, and dP/dz there is theirs.

        As both modes stay equally wide, P still rises steadily: no two objects change their order.
        Where the normals do not cross between their means nothing is changed.
        """
        if not self.prior.learnt and self.prior.components == 2:
            low, high = self.prior.means.numpy()[:, 0]
            crossing = _crossing(self._posterior_means(images)[:, :1], self.seed)
            if crossing is not None:
                boundary, slope = crossing
                log_odds = slope * ((low + high) / 2 - boundary)
                variance = np.full((2, 1, 1), (high - low) / slope)
                weights = special.expit([-log_odds, log_odds])
                self.prior.set_parameters(weights, self.prior.means, variance)
        super().finalize(images)


def _crossing(values: np.ndarray, seed: int) -> tuple[float, float] | None:
    """Returns where the two normals fitted to the values are equally likely.

    Args:
        values: (number, 1).
        seed: Seed of the starts.

    Returns:
        The value, and by how much the log odds of the upper normal rise there by unit; None if
        there is no such value between the means.
    """
    fit = GaussianMixture(
        2,
        n_init=_STARTS,
        reg_covar=_FLOOR,
        tol=_TOLERANCE,
        max_iter=2000,
        random_state=seed,
    ).fit(values)
    order = np.argsort(fit.means_[:, 0])
    loc, variance = fit.means_[order, 0], fit.covariances_[order, 0, 0]

    def log_odds(value: float) -> float:
        below, above = np.log(fit.weights_[order]) + stats.norm.logpdf(value, loc, variance**0.5)
        return above - below

    if not log_odds(loc[0]) < 0 < log_odds(loc[1]):
        return None
    value = optimize.brentq(log_odds, *loc)
    slope = (value - loc[0]) / variance[0] - (value - loc[1]) / variance[1]
    return value, slope
