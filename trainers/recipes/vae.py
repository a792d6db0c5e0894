"""Recipes of `vae`.

    python -m trainers.run --model vae
    python -m trainers.run --model vae --recipe gz_decals

`paper` is the autoencoder of arXiv 2303.08627 as its public code has it: 256 px, three stages of
strided convolution and pooling, 40 latents, summed squared error and divergence, Adam at 1e-5.
Departures: the code keeps the best training loss, we the best validation loss; how it scales the
pixels is not stated, here they are divided by 255.

`star_galaxy_paper` is the plain VAE of the star-galaxy report: its classes come from the manifold
of the latents (evaluator `manifold`); published AUC 0.75, in the figure 0.89, of real SDSS images.

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
STAR_GALAXY_PAPER = star_galaxy.published()

PAPER = Recipe(
    dataset="galaxy_zoo_decals/gzd5/image_size=256,crop=1.0",
    epochs=50,
    batch_size=512,
    learning_rate=1e-5,
    hyperparameters={
        "preprocessing": "rescale",
        "stretch": False,
        "networks": "pooled",
        "filters": [32, 64, 128],
        "latent_dim": 40,
        "likelihood": "mse",
        "beta": 1.0,
        "nonnegative": True,
        "augment": False,
    },
    # As many steps, about 17,000, on 5,600 galaxies instead of 177,000.
    datasets={"galaxy_zoo_decals/simulated": {"epochs": 400, "batch_size": 128}},
)

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
