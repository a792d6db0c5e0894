from tests.zoo import model_test_case


class HierarchicalVAETest(model_test_case.ZooModelTestCase):
    model_name = "ae_vae"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "class_names": ("galaxy", "star"),
        "mode": "hierarchical",
        "feature_dim": 12,
        "latent_dim": 3,
        "width": 8,
        "filters": (4, 6),
        "seed": 3,
    }
    output_shapes = {"probability": (2,), "latent_mean": (3,), "latent_stddev": (3,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.


class FeatureLossVAETest(HierarchicalVAETest):
    hyperparameters = {
        **HierarchicalVAETest.hyperparameters,
        "mode": "feature_loss",
        "latent_dim": 11,
    }
    output_shapes = {"probability": (2,), "latent_mean": (11,), "latent_stddev": (11,)}
