"""Recipes of `star_galaxy_cnn`, the supervised yardstick; nothing like it is published.

python -m trainers.run --model star_galaxy_cnn
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="sdss_star_galaxy/simulated",
    epochs=12,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    patience=5,
    datasets={"image_folder": {"epochs": 30}},
    hyperparameters={"preprocessing": ["background_noise", {"name": "centre_crop", "size": 32}]},
)

PAPER = Recipe(
    dataset="sdss_star_galaxy/labeled",
    epochs=100,
    batch_size=64,
    learning_rate=1e-3,
    patience=10,
)
