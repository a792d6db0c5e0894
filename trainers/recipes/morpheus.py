"""Recipes of `morpheus`.

    python -m trainers.run --model morpheus
    python -m trainers.run --model morpheus --recipe paper

`paper`: Hausen & Robertson 2020, with the batch of 200 windows as 25 of each of 8 fields.
"""

from trainers.recipes import Recipe

# A part of the fields, those of `hypercolumn_segmentation` and `pixel_unet`.
_FIELDS = "galaxy_scenes/fields/num_train=400,num_validation=60,num_test=100"

DEFAULT = Recipe(
    dataset=_FIELDS,
    epochs=10,
    batch_size=8,
    learning_rate=3e-3,
    gradient_clip_norm=1.0,
    schedule="cosine",
    hyperparameters={"windows": 25, "dropout": 0.0},
)
PAPER = Recipe(
    dataset="galaxy_scenes/fields",
    epochs=500,
    batch_size=8,
    learning_rate=9.93e-4,
    hyperparameters={"windows": 25, "stride": 1},
)
