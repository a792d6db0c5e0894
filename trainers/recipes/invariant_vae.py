"""Recipes of `invariant_vae`.

    python -m trainers.run --model invariant_vae

Random forests on the latents have 75 % on average over the nine tasks (docs/results.md), 66 % on
as many principal components of the pixels (balanced: 71 and 51). Eight minutes of two busy cores.
`real` is the same on the volunteers' galaxies of Galaxy Zoo DECaLS, downloaded or in --manual_dir;
it has not been run.
"""

import dataclasses

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_zoo_decals/simulated",
    epochs=10,
    batch_size=64,
    learning_rate=2e-3,
    schedule="cosine",
    warmup_steps=100,
    gradient_clip_norm=1.0,
)

REAL = dataclasses.replace(DEFAULT, dataset="galaxy_zoo_decals/gzd5")
