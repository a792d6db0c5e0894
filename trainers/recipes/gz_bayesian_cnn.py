"""Recipes of `gz_bayesian_cnn`.

    python -m trainers.run --model gz_bayesian_cnn
    python -m trainers.run --model gz_bayesian_cnn --recipe paper --manual_dir DIR

Reached with `--epochs 12` on galaxy_zoo_decals/simulated, seed 0, in three minutes of one core: the
68 % and 95 % intervals of the test votes cover 0.717 and 0.959; -28.8 nats per galaxy in
validation, where one distribution for all galaxies has -33.5; RMSE of vote fractions 0.195, of
which 0.093 is the scatter of the votes. Training and validation loss still fell together, hence the
more epochs of `default`, which has half the filters of the source and should take ten minutes.

`paper` has the source's network and likelihood on GZD-5 (theirs are the votes of Galaxy Zoo 2, one
question at a time); its epochs, batch and rate are ours. It needs a GPU and has not been run here.
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated",
    epochs=40,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    gradient_clip_norm=10.0,
    patience=8,
    hyperparameters={"filters": [[16, 16], [32, 32], [64], [64]]},
)

PAPER = Recipe(
    dataset="galaxy_zoo_decals/gzd5/image_size=128",
    epochs=100,
    batch_size=128,
    learning_rate=1e-3,
    patience=8,
    hyperparameters={"likelihood": "binomial"},
)
