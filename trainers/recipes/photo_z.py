"""Recipes of `photo_z`.

    python -m trainers.run --model photo_z
    python -m trainers.run --model photo_z --recipe reddening
    python -m trainers.run --model photo_z --recipe paper

All 10,000 test galaxies are judged by

    python -m trainers.evaluate --run_dir RUN --max_objects 10000 --output_dir RUN/redshift

`default` reads images alone: 40,000 simulated galaxies of the main sample, 10,000 for the test.
Colours and E(B-V) of the same 40,000 and a random forest: sigma_MAD 0.0146 and 1.7 % outliers on
the 2,000 validation galaxies, 0.0155 with nearest neighbours.

`reddening` reads E(B-V) in the Galaxy beside the image, and colours through a fourth aperture, 12
px; the rest is that of `default`. sigma_MAD 0.0094 on the 10,000 test galaxies, where a dense
network on these numbers alone has 0.0110.

`paper`: Pasquet et al. 2019, the network and the bins; it needs a GPU. Published, on 400,000 SDSS
galaxies and with the mean of six networks: sigma_MAD 0.0091, outliers 0.31 %, bias 1e-4; about
0.0145 with 10,000. Learning rate, batch size and number of epochs are not at hand; ours are common
ones.
"""

import dataclasses

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="sdss_galaxies/simulated/num_train=40000,num_validation=2000,num_test=10000",
    epochs=12,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=200,
    weight_decay=1e-4,
    gradient_clip_norm=1.0,
    hyperparameters={"average_symmetries": True},
)
REDDENING = dataclasses.replace(
    DEFAULT,
    hyperparameters={
        **DEFAULT.hyperparameters,
        "reddening": "galactic_reddening",
        "apertures": (1.5, 3.0, 6.0, 12.0),
    },
)
PAPER = Recipe(
    dataset="sdss_galaxies/simulated/num_train=100000,num_validation=10000,num_test=10000",
    epochs=30,
    batch_size=128,
    learning_rate=1e-4,
    hyperparameters={
        "preprocessing": (),
        "network": "inception",
        "density": "bins",
        "bins": 180,
        "redshift_range": (0.0, 0.4),
        "units": (1096, 1096),
        "reddening": "galactic_reddening",
    },
)
