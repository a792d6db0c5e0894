import tempfile
import types
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.deblending_test import SIZE, Stamps, StampsSpec, gaussian
from trainers.evaluators import EvaluationContext, needs
from trainers.evaluators.latent_fit import evaluate_latent_fit


class GaussianModel:
    """Draws Gaussians as wide as the targets; its latents are fluxes in units of 100."""

    registry_name, task, input_names, class_names = "oracle", "deblending", ("image",), ()
    image_shape, prior = (SIZE, SIZE, 2), "flow"
    profile = gaussian(SIZE, SIZE / 2, SIZE / 2, 2.6)[..., None].astype(np.float32)

    def encode(self, images):
        core = self.profile * (self.profile > 0.3 * self.profile.max())
        flux = tf.reduce_sum(core * images, axis=(1, 2)) / tf.reduce_sum(core * self.profile)
        return {"latent_mean": flux / 100}

    def decode(self, latents):
        return {"image": 100 * latents[:, None, None] * self.profile}

    def log_prior(self, latents):
        # The fluxes of the targets are 150 to 600 in r, and 0.7 of that in g.
        square = tf.square((latents - [2.6, 3.75]) / [0.9, 1.3])
        return {"log_prior": -0.5 * tf.reduce_sum(square, axis=-1)}

    def __call__(self, images, training=False):
        drawn = self.decode(self.encode(images)["latent_mean"])["image"]
        flux = tf.reduce_sum(drawn, axis=(1, 2))
        sigma = tf.ones_like(drawn)
        outputs = {"deblended": drawn, "deblended_sigma": sigma}
        return {**outputs, "flux": flux, "flux_sigma": 0.1 * flux}


class LatentFitTest(tf.test.TestCase):
    def test_fit_takes_off_the_light_of_neighbours(self):
        dataset = Stamps({"train": 2, "validation": 0, "test": 15}, StampsSpec())
        folder = self.enterContext(tempfile.TemporaryDirectory())
        context = EvaluationContext(GaussianModel(), dataset, Path(folder))
        section = evaluate_latent_fit(context)
        metrics = section.metrics
        # A neighbour makes what is drawn too bright: -0.1 mag and more.
        self.assertLess(metrics["latent_fit_model_pairs_median"], -0.05)
        self.assertLess(abs(metrics["latent_fit_flow_pairs_median"]), 0.05)
        self.assertLess(metrics["latent_fit_flow_pairs_robust_scatter"], 0.06)
        # N(0, I) is about fluxes of zero.
        flow, normal = (metrics[f"latent_fit_{each}_all_median"] for each in ("flow", "normal"))
        self.assertGreater(normal, flow)
        self.assertEqual(metrics["latent_fit_flow_all_number"], 15)
        self.assertLen(section.tables[0].rows, 8)
        self.assertIn("15 test stamps, 10 of two galaxies", section.text[0])

    def test_needs_a_flow(self):
        context = types.SimpleNamespace(model=types.SimpleNamespace(prior="normal"))
        self.assertIn("no flow", needs.reason_against(context, "flow_prior"))
        context.model.prior = "flow"
        self.assertIsNone(needs.reason_against(context, "flow_prior"))


if __name__ == "__main__":
    tf.test.main()
