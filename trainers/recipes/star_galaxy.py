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
    hyperparameters=cropped(24, prior_components=16),
    datasets={
        "image_folder": {
            "epochs": 60,
            "weight_decay": 0.0,
            "hyperparameters": cropped(32, prior_components=4),
        }
    },
)


def published(**hyperparameters: Any) -> Recipe:
    """Returns a recipe of a design of the star-galaxy report (Sun et al. 2017).

    The report has convolutional encoders and decoders, a squared error summed over the pixels
    beside the divergence (equation 4), and the fixed prior 1/2 N(-m, s^2) + 1/2 N(m, s^2). Ours,
    since it names none: three plain stages of 16, 32 and 64 filters, ten latents, m = 1 and s = 1/2
    along the first of them, N(0, 1) along the others; images in units of their background noise
    on the asinh scale; learning rate, batch and epochs.

    Args:
        **hyperparameters: Of the design.
    """
    design = {
        "preprocessing": "background_noise",
        "stretch": True,
        "networks": "plain",
        "decoder": "convolutional",
        "filters": [16, 32, 64],
        "latent_dim": 10,
        "likelihood": "mse",
        "beta": 1.0,
        "augment": False,
    }
    return Recipe(
        dataset="sdss_star_galaxy/labeled",
        epochs=100,
        batch_size=64,
        learning_rate=1e-3,
        patience=10,
        hyperparameters={**design, **hyperparameters},
        datasets={"sdss_star_galaxy/simulated": {"epochs": 20, "patience": None}},
    )


TWO_MODES = {"prior_components": 2, "prior_separation": 1.0, "prior_scale": 0.5}
