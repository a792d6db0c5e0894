"""Recipes of `ae_vae`.

    python -m trainers.run --model ae_vae
    python -m trainers.run --model ae_vae --hp mode=feature_loss

`paper`: the published design, an autoencoder with about 30 hidden units below and a VAE with two on
top; its AUC of 0.89 is of real SDSS images.
"""

import dataclasses

from trainers.recipes import star_galaxy

DEFAULT = dataclasses.replace(
    star_galaxy.MIXTURE,
    hyperparameters={**star_galaxy.MIXTURE.hyperparameters, "latent_dim": 10},
)
PAPER = star_galaxy.published(
    **star_galaxy.TWO_MODES, prior_dims=1, learnt=False, feature_dim=30, latent_dim=2
)
