from tests.zoo import model_test_case


class VAETest(model_test_case.ZooModelTestCase):
    model_name = "vae"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "class_names": ("star", "galaxy"),
        "latent_dim": 4,
        "filters": (4, 6),
        "seed": 3,
    }
    output_shapes = {"latent_mean": (4,), "latent_stddev": (4,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.
