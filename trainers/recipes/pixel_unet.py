"""Recipe of `pixel_unet`.

python -m trainers.run --model pixel_unet
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    dataset="galaxy_scenes/fields/num_train=400,num_validation=60,num_test=100",
    epochs=12,
    batch_size=8,
    learning_rate=3e-3,
    gradient_clip_norm=1.0,
    schedule="cosine",
)
