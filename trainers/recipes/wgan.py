"""Recipes of `wgan`.

    python -m trainers.run --model wgan
    python -m trainers.run --model wgan --recipe paper --manual_dir DIR

`default`: the middle 48 px of simulated galaxies, a quarter of the published width, 2,800 steps of
0.48 s of a core of 105 GFLOP/s: eight minutes on two cores at 380 GFLOP/s.

`paper`: networks, loss, rate and batches of Storey-Fisher et al. 2021, 32 images for each step of
the critic and about the 10,000 steps that they keep. Departure: the volunteers' galaxies of Galaxy
Zoo DECaLS in place of a million of HSC. It is for a GPU, and has not been run here.
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated",
    epochs=80,
    batch_size=160,
    learning_rate=3e-4,
    schedule="cosine",
    hyperparameters={"preprocessing": [{"name": "centre_crop", "size": 48}, "rescale"]},
)

PAPER = Recipe(
    dataset="galaxy_zoo_decals/gzd5/image_size=96,crop=1",
    epochs=9,
    batch_size=160,
    learning_rate=1e-4,
    hyperparameters={"augment": False, "filters": [64, 128, 256, 512]},
)
