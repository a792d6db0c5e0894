"""Recipe of `image_spectrum_clip`.

python -m trainers.run --model image_spectrum_clip
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="sdss_galaxies/simulated",
    epochs=18,
    batch_size=128,
    learning_rate=3e-3,
    schedule="cosine",
    warmup_steps=100,
    weight_decay=1e-3,
    gradient_clip_norm=1.0,
)
