"""Recipes of `star_galaxy_cnn`, the supervised yardstick; nothing like it is published.

    python -m trainers.run --model star_galaxy_cnn

Reached: AUC 0.956 on sdss_star_galaxy/simulated and 0.885 on the ARIES cutouts, seed 0, each in
two to four minutes on two busy cores. `real` is for the SDSS record arrays.
"""

from trainers.recipes import Recipe, star_galaxy

DEFAULT = Recipe(
    dataset="sdss_star_galaxy/simulated",
    epochs=12,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    patience=5,
    datasets={
        "image_folder": {
            "epochs": 60,
            "patience": 60,
            "weight_decay": 1e-3,
            "hyperparameters": {"dropout": 0.5, "average_symmetries": True},
        }
    },
    hyperparameters=star_galaxy.cropped(32),
)
REAL = Recipe(
    dataset="sdss_star_galaxy/labeled",
    epochs=100,
    batch_size=64,
    learning_rate=1e-3,
    patience=10,
)
