"""Recipes of `spectrum_vae`.

    python -m trainers.run --model spectrum_vae
    python -m trainers.run --model spectrum_vae --hp latent_dim=10
    python -m trainers.run --model spectrum_vae --hp variational=false

`default`: six latents of 7,000 spectra, two minutes of processor time. Weighted MSE
of 2,000 test spectra 0.00351, principal components 0.00438 with six and 0.00373 with eight; the
spectra without noise have 0.00313. chi2 per bin 1.18 (without noise 1.04). Classes by the
nearest neighbours in latents right for 90.4 %, in six principal components for 92.0 %. With the
published layers, three times as large, the validation loss is higher (0.5655 and 0.5609).

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
    hyperparameters={"hidden": (200, 60)},
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
