"""Recipes of `vq_vae`.

    python -m trainers.run --model vq_vae
    python -m trainers.run --model vq_vae --recipe paper --data_dir DIR

`default` has half of the published filters and is for two cores.

`paper` has the settings of Cheng et al. 2021 (arXiv 2009.11932) and their public code: 64 px, codes
that are trained by their loss, Adam with a constant rate of 3e-4 and batches of 32. They train
for 6,000 steps, which is two epochs of their 90,000 galaxies; of a folder of a few thousand images
`--epochs` asks for as many as make up these steps. Departures: all bands of the pictures instead of
one, and the epoch of the lowest validation loss, silhouette included, instead of the step of the
best silhouette among those with low losses.
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated",
    epochs=10,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    gradient_clip_norm=1.0,
    hyperparameters={"filters": [32, 64, 64], "residual_filters": 16},
)

PAPER = Recipe(
    dataset="image_folder",
    epochs=2,
    batch_size=32,
    learning_rate=3e-4,
    hyperparameters={
        "preprocessing": [{"name": "resize", "height": 64, "width": 64}, "sky_clip"],
        "decay": 0.0,
    },
)
