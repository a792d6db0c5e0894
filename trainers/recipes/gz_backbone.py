"""Recipes of `gz_backbone`.

    python -m trainers.run --model gz_backbone
    python -m trainers.run --model gz_backbone --recipe paper --manual_dir DIR

`default` takes 14 minutes on one core (137 images a second).

`paper` is EfficientNet-B0 on grey images of 424 pixels, whose central 75 % are scaled to 224, after
Walmsley et al. 2022 (there random crops of 70 to 80 %). On two cores it would take weeks: it is for
a GPU, and has not been run here.
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated",
    epochs=20,
    batch_size=64,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=200,
    gradient_clip_norm=10.0,
    patience=8,
)

PAPER = Recipe(
    dataset="galaxy_zoo_decals/gzd5/image_size=424,crop=1",
    epochs=200,
    batch_size=128,
    learning_rate=1e-3,
    patience=8,
    hyperparameters={
        "architecture": "efficientnet_b0",
        "grey": True,
        "preprocessing": [
            {"name": "centre_crop", "size": 318},
            {"name": "resize", "height": 224},
        ],
        "passes": 5,
        "lowest_concentration": 1.0,
    },
)
