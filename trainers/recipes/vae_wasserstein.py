"""Recipes of `vae_wasserstein`.

    python -m trainers.run --model vae_wasserstein --hp divergence=aw

`paper`: published AUC 0.92 (AW), 0.88 (PW), 0.82 (SC), each by `--hp divergence=...`.
"""

from trainers.recipes import star_galaxy

DEFAULT = star_galaxy.UNSUPERVISED
PAPER = star_galaxy.PAPER
