"""Recipes of `vae`.

    python -m trainers.run --model vae

`paper` is the plain VAE of the star-galaxy work: its classes come from the manifold of the
latents (evaluator `manifold`), published AUC 0.75. Learning rate, batch and epochs are not
published; those here are ours.
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="sdss_star_galaxy/simulated",
    epochs=12,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    gradient_clip_norm=1.0,
    hyperparameters={"preprocessing": ["background_noise", {"name": "centre_crop", "size": 32}]},
)

PAPER = Recipe(
    dataset="sdss_star_galaxy/labeled",
    epochs=100,
    batch_size=64,
    learning_rate=1e-3,
    patience=10,
)
