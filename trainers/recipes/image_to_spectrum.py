"""Recipes of `image_to_spectrum`.

    python -m trainers.run --model image_to_spectrum
    python -m trainers.run --model image_to_spectrum --hp spectra=runs/NAME

`default`: the latents of the named weights `spectrum_vae/sdss_simulated` from 40,000 images.

`paper`: Wu & Peek 2020, their hybrid network for 50 epochs. Departures: simulated galaxies, ugriz
of 64 px at 0.396 arcsec in place of grizy of 224 px at 0.25 arcsec, latents of that model of
spectra; Adam with decoupled weight decay and a cosine in place of Ranger and one cycle; those of
the model.
"""

from trainers.recipes import Recipe

_DATASET = "sdss_galaxies/simulated/num_train=40000,num_validation=2000,num_test=10000"

DEFAULT = Recipe(
    dataset=_DATASET,
    epochs=6,
    batch_size=64,
    learning_rate=2e-3,
    schedule="cosine",
    warmup_steps=100,
    gradient_clip_norm=1.0,
)
PAPER = Recipe(
    dataset=_DATASET,
    epochs=50,
    batch_size=128,
    learning_rate=3e-3,
    schedule="cosine",
    warmup_steps=250,
    weight_decay=1e-2,
    hyperparameters={
        "network": "hybrid",
        "filters": (64, 128, 256, 512),
        "blocks": 2,
        "dropout": 0.0,
        "posterior": "constant",
    },
)
