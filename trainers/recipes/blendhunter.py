"""Recipes of `blendhunter`: the schedule of Farrens et al. 2022 on features that are computed once.

    python -m trainers.run --model blendhunter
    python -m trainers.run --model blendhunter --hp weights=vgg16_notop.h5
    python -m trainers.run --model blendhunter --recipe paper --manual_dir COSMOS --noise_sigma 5

Keras downloads the ImageNet weights (59 MB) once; without a network give the path of the file as
in the second line, or `weights=none` for random features. One run is one noise level;
the publication's grid of levels and realisations is `python -m trainers.reproduce blendhunter`.
"""

import dataclasses

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="simulated_blends/simulated",
    trainer="two_stage",
    epochs=500,
    batch_size=250,
    learning_rate=1e-3,
    schedule="plateau",
    plateau_factor=0.5,
    plateau_patience=5,
    plateau_cooldown=2,
    patience=10,
    min_delta=1e-3,
    pad=7,
    noise_sigma=(14.0,),
)

PAPER = dataclasses.replace(DEFAULT, dataset="simulated_blends/cosmos_parametric")
