"""Recipe of `pixel_unet`.

    python -m trainers.run --model pixel_unet

`default`: on 200 fields of another seed IoU 0.919 (0.913 to 0.924) of sources and sky, SEP at 1.5
sigma 0.758; boundary F1 0.984, SEP 0.821; of the sources from 10 sigma on 94.9 % (93.3 to 96.2) are
detected, SEP 93.7 %, and of those without another one within 20 px 99.2 % (98.0 to 99.6), SEP
97.6 %; false positives are 4.7 % of the detections, SEP 6.0 %, of which 0.5 % are noise on the sky
and the rest parts of galaxies; class of the source right for 71 %. Six minutes of processor time.
Hausen & Robertson 2020: completeness about 99 %, false positives about 0.1 %, on HST mosaics.
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
