"""Recipes of `vae`.

    python -m trainers.run --model vae
    python -m trainers.run --model vae --recipe gz_decals

`paper` is the plain VAE of the star-galaxy work: its classes come from the manifold of the
latents (evaluator `manifold`), published AUC 0.75.

`gz_decals` has 40 latents on colour pictures of galaxies, as the VAE of arXiv 2303.08627. Its
likelihood is a squared error whose weight is learnt; other losses, with a weight of the divergence
that leaves them room on pixels from 0 to 1:

    --hp likelihood=mse beta=0.02             --hp likelihood=l1 beta=0.1
    --hp likelihood=ssim beta=1               --hp likelihood=ms_ssim beta=1

`invariant_vae` has the better latents for the nine tasks (docs/results.md).
"""

import dataclasses

from trainers.recipes import Recipe, star_galaxy

DEFAULT = Recipe(
    dataset="sdss_star_galaxy/simulated",
    epochs=12,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    gradient_clip_norm=1.0,
    hyperparameters=star_galaxy.cropped(32),
)
PAPER = star_galaxy.PAPER

GZ_DECALS = dataclasses.replace(
    DEFAULT,
    dataset="galaxy_zoo_decals/simulated",
    learning_rate=2e-3,
    hyperparameters={
        "preprocessing": "rescale",
        "stretch": False,
        "augment": True,
        "latent_dim": 40,
    },
)
