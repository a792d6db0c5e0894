"""Recipes of `hypercolumn_segmentation`.

    python -m trainers.run --model hypercolumn_segmentation
    python -m trainers.run --model hypercolumn_segmentation --hp clusters=16

`default`: on 200 fields of another seed IoU 0.757 (0.739 to 0.775) and adjusted Rand index 0.838 of
sources and sky; SEP at 1.5 sigma 0.758 and 0.839, k-means of the pixel values 0.075. Four minutes
of processor time. A galaxy over the border of a field is in part subtracted with the sky by
`background_noise`. More in `docs/results.md`.

`paper`: the design of Sun et al. 2017, an autoencoder with residual connections and k-means over
the hypercolumns of its encoder. The report has figures and no numbers; layers, training, number of
clusters and the standardisation of the channels, without which the first stage rules, are our
assumptions. `--hp residual=false` is its comparison without residual connections.
"""

from trainers.recipes import Recipe

# A part of the fields: building all 2,000 takes longer than the training.
_FIELDS = "galaxy_scenes/fields/num_train=400,num_validation=60,num_test=100"

DEFAULT = Recipe(
    dataset=_FIELDS,
    epochs=14,
    batch_size=8,
    learning_rate=3e-3,
    gradient_clip_norm=1.0,
    schedule="cosine",
    hyperparameters={"filters": [12, 24, 48], "hidden": 0.25},
)
PAPER = Recipe(
    dataset="sdss_star_galaxy/labeled",
    epochs=20,
    batch_size=64,
    learning_rate=1e-3,
    hyperparameters={
        "clusters": 4,
        "filters": [16, 32, 64],
        "maps": "encoder",
        "components": 112,
        "hidden": 0.0,
        "mostly_sky": False,
        "augment": False,
    },
    datasets={"galaxy_scenes": {"batch_size": 8}},
)
