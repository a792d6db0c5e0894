"""Recipes of `star_galaxy_vgg`, for labels too few to train a network; none is published.

    python -m trainers.run --model star_galaxy_vgg --dataset image_folder --data_dir FOLDER
    python -m trainers.run --model star_galaxy_vgg --hp weights=vgg16_notop.h5

Keras downloads the ImageNet weights (59 MB) once; without a network give the path of the file as in
the second line.
"""

import dataclasses

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="sdss_star_galaxy/simulated",
    trainer="two_stage",
    epochs=60,
    batch_size=64,
    learning_rate=3e-3,
    schedule="cosine",
)

REAL = dataclasses.replace(DEFAULT, dataset="sdss_star_galaxy/labeled")
