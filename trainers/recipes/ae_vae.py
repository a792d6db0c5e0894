"""Recipes of `ae_vae`.

    python -m trainers.run --model ae_vae
    python -m trainers.run --model ae_vae --hp mode=feature_loss

`paper`: an autoencoder with about 30 hidden units below, a VAE with few on top, published AUC
0.89.
"""

import dataclasses

from trainers.recipes import star_galaxy

DEFAULT = dataclasses.replace(
    star_galaxy.MIXTURE,
    hyperparameters={**star_galaxy.MIXTURE.hyperparameters, "latent_dim": 10},
)
PAPER = star_galaxy.PAPER
