"""Recipes of `gz_cnn`: one question of Galaxy Zoo, by the option `task` of the dataset.

    python -m trainers.run --model gz_cnn
    python -m trainers.run --model gz_cnn --dataset galaxy_zoo_decals/simulated/task=bar
    python -m trainers.run --model gz_cnn --dataset galaxy_zoo_decals/simulated --hp target=t_type

Reached: accuracy 0.996 on `edge_on` (published 0.97 on SDSS), AUC 0.887 on `arm`, 0.742 on `bar`,
whose 1,300 galaxies are few; two minutes of one core for `edge_on`. More in `docs/results.md`.

`paper` is the published network with its batch, epochs and augmentation, on the votes of GZD-5; it
wants a GPU. Its zoom of 0.75 to 1.3 is 0.75 to 1.25 here; its learning rate is not at hand, ours is
Adam's default. Its ReLUs may die (docs/models.md): then `--hp activation=leaky_relu`.
"""

from trainers.recipes import Recipe

_AUGMENTATION = {"flip": True, "rotation": 45.0, "outside": "mirror"}

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated/task=edge_on",
    epochs=20,
    batch_size=32,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=100,
    **_AUGMENTATION,
    datasets={
        "image_folder": {
            "epochs": 60,
            "weight_decay": 1e-3,
            "hyperparameters": {"average_symmetries": True},
        }
    },
    # The image is halved early, which makes it four times as fast.
    hyperparameters={
        "filters": (16, 32, 64, 64),
        "pooled": (1, 2, 3),
        "dropout": (0.0, 0.1, 0.1, 0.1, 0.5),
    },
)

PAPER = Recipe(
    dataset="galaxy_zoo_decals/gzd5/task=edge_on,image_size=69",
    epochs=50,
    batch_size=30,
    learning_rate=1e-3,
    zoom=0.25,
    **_AUGMENTATION,
    hyperparameters={"activation": "relu"},
)
