"""Recipes of `contrastive`.

    python -m trainers.run --model contrastive
    python -m trainers.run --model contrastive --recipe moco
    python -m trainers.run --model contrastive --recipe byol
    python -m trainers.run --model contrastive --recipe paper --manual_dir DIR

`default` (SimCLR), `moco` and `byol` differ in the method alone. docs/results.md has the scores of
trainings on real galaxies.

`paper` has the settings of Stein et al. 2021 (arXiv 2110.13151) for a network of the size of
ResNet-18: MoCo v2, a queue of 65,536, temperature 0.2, momentum 0.996, batches of 256. Departures:
Adam in place of SGD with a rate of 0.03, the volunteers' galaxies of Galaxy Zoo DECaLS as colour
pictures in place of 3.5 million in nanomaggies, 200 epochs in place of 1,500. It is for a GPU, and
has not been run here.
"""

import dataclasses

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated",
    epochs=20,
    batch_size=128,
    learning_rate=2e-3,
    schedule="cosine",
    warmup_steps=100,
    weight_decay=1e-4,
    gradient_clip_norm=1.0,
)

MOCO = dataclasses.replace(DEFAULT, hyperparameters={"method": "moco"})

BYOL = dataclasses.replace(DEFAULT, hyperparameters={"method": "byol"})

PAPER = Recipe(
    dataset="galaxy_zoo_decals/gzd5/image_size=152,crop=1",
    epochs=200,
    batch_size=256,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=1000,
    weight_decay=1e-4,
    hyperparameters={
        "method": "moco",
        "preprocessing": [{"name": "centre_crop", "size": 96}, "standardize"],
        "filters": [64, 128, 256, 512],
        "blocks": 2,
        "hidden": 512,
        "projection": 128,
        "queue": 65536,
        "momentum": 0.996,
    },
)
