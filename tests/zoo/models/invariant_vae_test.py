import numpy as np

import zoo
from tests.zoo import model_test_case


class InvariantVAETest(model_test_case.ZooModelTestCase):
    model_name = "invariant_vae"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "latent_dim": 5,
        "invariant_dims": (1, 1, 1),
        "width": 8,
        "rings": 4,
        "orders": 3,
        "spiral_orders": 2,
        "filters": (4, 6),
        "seed": 3,
    }
    output_shapes = {"latent_mean": (5,), "latent_stddev": (5,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.

    def test_first_latents_do_not_see_how_a_galaxy_lies(self):
        model = zoo.create(self.model_name, **self.hyperparameters)
        images = np.random.default_rng(0).gamma(2.0, size=(6, 16, 16, 3)).astype(np.float32)
        model.adapt(images)
        straight = model.encode(images)
        for turned in (images[:, ::-1], images.transpose(0, 2, 1, 3)):
            encoded = model.encode(turned)
            for name in ("latent_mean", "latent_stddev"):
                self.assertAllClose(encoded[name][:, :3], straight[name][:, :3], atol=1e-3)
            self.assertNotAllClose(encoded["latent_mean"][:, 3:], straight["latent_mean"][:, 3:])

    def test_mistakes_are_reported(self):
        for options, message in (
            ({"invariant_dims": (2, 2, 1)}, "invariant_dims must be three positive integers"),
            ({"invariant_dims": (2, 2)}, "invariant_dims must be three positive integers"),
            ({"amplitude_noise": (0.4, 0.1)}, "amplitude_noise must be two positive numbers"),
            ({"amplitude_noise": (0.0, 0.1)}, "amplitude_noise must be two positive numbers"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                zoo.create(self.model_name, **{**self.hyperparameters, **options})
