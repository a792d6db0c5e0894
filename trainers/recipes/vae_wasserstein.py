"""Recipes of `vae_wasserstein`.

    python -m trainers.run --model vae_wasserstein --hp divergence=aw

`paper`: the published designs, each by `--hp divergence=...`; their AUC of 0.92 (AW), 0.88 (PW) and
0.82 (SC) is of real SDSS images and comes after manifold learning (evaluator `manifold`).
"""

from trainers.recipes import star_galaxy

DEFAULT = star_galaxy.UNSUPERVISED
PAPER = star_galaxy.published(**star_galaxy.TWO_MODES, prior_dims=1)
