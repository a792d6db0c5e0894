"""Recipes of `spectrum_vae`.

    python -m trainers.run --model spectrum_vae
    python -m trainers.run --model spectrum_vae --hp latent_dim=10
    python -m trainers.run --model spectrum_vae --hp variational=false

`paper`: Portillo et al. 2020, the network with ten latents: 64,000 spectra, three quarters of them
for training, Adam at 1e-3, batches of 64. Departures: those of the model.
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="sdss_galaxies/simulated",
    epochs=20,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    gradient_clip_norm=1.0,
)
PAPER = Recipe(
    dataset="sdss_galaxies/simulated/num_train=48000,num_validation=8000,num_test=8000",
    epochs=200,
    batch_size=64,
    learning_rate=1e-3,
    schedule="plateau",
    plateau_patience=5,
    patience=10,
    hyperparameters={"latent_dim": 10, "shortcut": False, "model_error": 0.022, "hidden_bins": 0.0},
)
