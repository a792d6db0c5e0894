from tests.zoo import model_test_case


class StarGalaxyCNNTest(model_test_case.ZooModelTestCase):
    model_name = "star_galaxy_cnn"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "class_names": ("star", "galaxy", "quasar"),
        "filters": (4, 6),
        "features": 8,
        "seed": 3,
    }
    output_shapes = {"probability": (3,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.
