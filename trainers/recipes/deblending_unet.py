"""Recipe of `deblending_unet`.

    python -m trainers.run --model deblending_unet

`default`: 12 epochs on the stamps of `deblending_vae`, nine minutes of processor time at 205
GFLOP/s. At a learning rate of 3e-3 a training of 20 epochs broke down in the seventh. The loss was
chosen on 1,000 validation stamps, after four epochs on 2,400 stamps with filters 8 to 64: with
`applied_to` "light" the r magnitudes have a robust scatter of 0.168 and, where nothing blends, a
median error of +0.10 mag; with "image" 0.207 and +0.20.
"""

from trainers.recipes import Recipe

DEFAULT = Recipe(
    # The stamps of `deblending_vae`.
    dataset="galaxy_scenes/stamps/survey=lsst,num_train=6000,num_validation=300,num_test=300",
    epochs=12,
    batch_size=32,
    learning_rate=1e-3,
    gradient_clip_norm=0.05,
    schedule="cosine",
    warmup_steps=50,
    hyperparameters={"filters": [12, 24, 48, 96], "average_symmetries": True},
)
