"""Recipes that the models of stars and galaxies share.

Learning rate, batch and epochs of the publications are not published; those here are ours.
"""

import dataclasses
from typing import Any

from trainers.recipes import Recipe


def cropped(size: int, **hyperparameters: Any) -> dict[str, Any]:
    """Returns hyperparameters for the central pixels in units of the background noise.

    Args:
        size: Height and width of the crop, pixels.
        **hyperparameters: Further hyperparameters.
    """
    crop = {"name": "centre_crop", "size": size}
    return {"preprocessing": ["background_noise", crop], **hyperparameters}


UNSUPERVISED = Recipe(
    dataset="sdss_star_galaxy/simulated",
    epochs=12,
    batch_size=64,
    learning_rate=3e-3,
    gradient_clip_norm=1.0,
    schedule="cosine",
    warmup_steps=100,
    weight_decay=0.05,
    hyperparameters=cropped(24),
    datasets={"image_folder": {"epochs": 60, "weight_decay": 0.0, "hyperparameters": cropped(32)}},
)

MIXTURE = dataclasses.replace(
    UNSUPERVISED,
    hyperparameters=cropped(24, prior_components=24),
    datasets={
        "image_folder": {
            "epochs": 60,
            "weight_decay": 0.0,
            "hyperparameters": cropped(32, prior_components=4),
        }
    },
)

PAPER = Recipe(
    dataset="sdss_star_galaxy/labeled",
    epochs=100,
    batch_size=64,
    learning_rate=1e-3,
    patience=10,
)
