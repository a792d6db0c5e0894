import numpy as np
from scipy import special

from tests.zoo import model_test_case


class ConditionalVAETest(model_test_case.ZooModelTestCase):
    model_name = "cvae"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "class_names": ("galaxy", "star"),
        "latent_dim": 12,
        "filters": (4, 6),
        "seed": 3,
    }
    output_shapes = {"probability": (2,), "latent_mean": (12,), "latent_stddev": (12,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.

    def test_finalize_moves_the_boundary_into_the_gap(self):
        # Stars are three times as many as galaxies, and half as wide along the unit.
        share, loc, scale = np.array([0.25, 0.75]), np.array([-1.0, 0.7]), np.array([1.1, 0.5])
        draws = np.random.default_rng(0)
        kind = (draws.random(4000) < share[1]).astype(int)
        unit = draws.normal(loc[kind], scale[kind])
        model = self.make()
        before = model.prior.responsibilities(unit[:, None])
        model._posterior_means = lambda images: images
        model.finalize(unit[:, None])
        after = model.prior.responsibilities(unit[:, None])
        self.assertAllEqual(model.prior.means, [[-1], [1]])
        order = np.argsort(unit)
        for probability in (before, after):
            self.assertAllGreaterEqual(np.diff(probability.numpy()[order, 1]), 0)

        # Log odds of two normals, a polynomial in the unit that is zero on the boundary.
        log_odds = sum(
            sign
            * np.polynomial.Polynomial(
                [np.log(w / s) - 0.5 * (m / s) ** 2, m / s**2, -0.5 / s**2], symbol="z"
            )
            for sign, w, m, s in zip((-1, 1), share, loc, scale, strict=True)
        )
        (boundary,) = (root for root in log_odds.roots() if loc[0] < root < loc[1])
        # Over 100 samples the fitted boundary scatters by 0.05, and the slope by 0.17.
        at = boundary + np.array([-0.25, 0.25])
        low, high = special.logit(model.prior.responsibilities(at[:, None])[:, 1])
        slope = (high - low) / (at[1] - at[0])
        self.assertAllClose(at[0] - low / slope, boundary, atol=0.2)
        self.assertAllClose(slope, log_odds.deriv()(boundary), atol=0.7)
