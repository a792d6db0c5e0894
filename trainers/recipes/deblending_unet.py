"""Recipe of `deblending_unet`.

python -m trainers.run --model deblending_unet
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    # The stamps of `deblending_vae`.
    dataset="galaxy_scenes/stamps/survey=lsst,num_train=6000,num_validation=300,num_test=300",
    epochs=20,
    batch_size=32,
    learning_rate=3e-3,
    gradient_clip_norm=1.0,
    schedule="cosine",
    warmup_steps=50,
    hyperparameters={"filters": [12, 24, 48, 96], "average_symmetries": True},
)
