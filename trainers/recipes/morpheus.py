"""Recipes of `morpheus`.

    python -m trainers.run --model morpheus
    python -m trainers.run --model morpheus --recipe paper

`default`: 500 steps of the published network, 40 times fewer than published, without dropout, as
in the released code. On 200 fields of another seed IoU 0.635 (0.614 to 0.655) of sources and sky,
SEP at 1.5 sigma 0.758: with weights by which all classes count alike, sources grow into the sky.
92.7 % (90.8 to 94.2) of the sources from 10 sigma on are detected, SEP 93.7 %, and of those without
another within 20 px 98.6 %, SEP 97.6 %; but 22.6 % of the detections are false, SEP 6.0 %. Class of
the source right for 60 %. Eight minutes of processor time. `pixel_unet`
is the better one. A field of 128 px takes 22 s of a core at the published stride of 1, 0.26 s at 10
and 0.02 s through `pixel_unet`; IoU at strides 1 and 10 differs by 0.005.

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
