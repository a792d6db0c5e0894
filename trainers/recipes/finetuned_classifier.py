"""Recipes of `finetuned_classifier`: another model of the zoo learns a new task from few labels.

    python -m trainers.run --model finetuned_classifier --hp encoder=runs/NAME
    python -m trainers.run --model finetuned_classifier --hp encoder=runs/NAME training=from_scratch
    python -m trainers.run --model finetuned_classifier --dataset image_folder --data_dir FOLDER \\
        --hp encoder=runs/NAME crop=0.5
    python -m trainers.run --model finetuned_classifier --trainer two_stage \\
        --hp encoder=runs/NAME training=frozen augment=false

runs/NAME is the folder of a finished run of any model with features or latents. Without `encoder`
a small residual network is trained from scratch.
"""

import dataclasses

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated",
    epochs=12,
    batch_size=64,
    learning_rate=2e-3,
    schedule="cosine",
    warmup_steps=50,
    patience=6,
    datasets={
        "image_folder": {
            "epochs": 60,
            "patience": 60,
            "batch_size": 32,
            "weight_decay": 1e-3,
            "hyperparameters": {"dropout": 0.5, "average_symmetries": True},
        }
    },
)

REAL = dataclasses.replace(DEFAULT, dataset="galaxy_zoo_decals/gzd5", epochs=100, patience=15)
