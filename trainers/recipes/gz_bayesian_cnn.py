"""Recipes of `gz_bayesian_cnn`.

python -m trainers.run --model gz_bayesian_cnn
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated",
    epochs=20,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    gradient_clip_norm=10.0,
    patience=8,
    hyperparameters={"filters": [[16, 16], [32, 32], [64], [64]]},
)

PAPER = Recipe(
    dataset="galaxy_zoo_decals/gzd5",
    epochs=100,
    batch_size=128,
    learning_rate=1e-3,
    patience=8,
)
