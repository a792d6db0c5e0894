from tests.zoo import model_test_case


class PointwiseWassersteinVAETest(model_test_case.ZooModelTestCase):
    model_name = "vae_wasserstein"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "class_names": ("galaxy", "star"),
        "divergence": "pw",
        "latent_dim": 12,
        "filters": (4, 6),
        "seed": 3,
    }
    output_shapes = {"probability": (2,), "latent_mean": (12,), "latent_stddev": (12,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.


class AggregatedWassersteinVAETest(PointwiseWassersteinVAETest):
    hyperparameters = {**PointwiseWassersteinVAETest.hyperparameters, "divergence": "aw"}
