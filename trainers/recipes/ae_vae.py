"""Recipes of `ae_vae`.

    python -m trainers.run --model ae_vae
    python -m trainers.run --model ae_vae --hp mode=feature_loss

`paper`: an autoencoder with about 30 hidden units below, a VAE with few on top, published AUC
0.89. Learning rate, batch and epochs are not published; those here are ours.
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="sdss_star_galaxy/simulated",
    epochs=12,
    batch_size=64,
    learning_rate=3e-3,
    gradient_clip_norm=1.0,
    schedule="cosine",
    warmup_steps=100,
    weight_decay=0.05,
    hyperparameters={
        "preprocessing": ["background_noise", {"name": "centre_crop", "size": 24}],
        "latent_dim": 10,
        "prior_components": 24,
    },
    datasets={
        "image_folder": {
            "epochs": 60,
            "weight_decay": 0.0,
            "hyperparameters": {
                "preprocessing": ["background_noise", {"name": "centre_crop", "size": 32}],
                "prior_components": 4,
            },
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
