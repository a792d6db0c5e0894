"""Recipes of `blend_cnn`: one network for all noise levels, fresh noise in every epoch.

    python -m trainers.run --model blend_cnn
    python -m trainers.run --model blend_cnn --recipe paper --manual_dir COSMOS

`paper` is this network, which is not theirs, on the stamps of the BlendHunter paper; it took an
hour of one busy core, before its stamps were shifted.
"""

import dataclasses

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="simulated_blends/simulated",
    trainer="end_to_end",
    epochs=30,
    batch_size=128,
    learning_rate=2e-3,
    schedule="cosine",
    warmup_steps=200,
    weight_decay=1e-3,
    shift=2.0,
    pad=7,
    noise_sigma=(5.0, 40.0),
    noise_draws="fresh",
)

PAPER = dataclasses.replace(
    DEFAULT, dataset="simulated_blends/cosmos_parametric", epochs=60, warmup_steps=500
)
