import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case


class BlendCNNTest(model_test_case.ZooModelTestCase):
    model_name = "blend_cnn"
    hyperparameters = {
        "image_shape": (20, 20, 1),
        "class_names": ("isolated", "blended"),
        "size": 20,
        "filters": (4, 6),
        "features": 8,
        "seed": 3,
    }
    output_shapes = {"probability": (2,)}
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.

    def test_units_and_noise_level_do_not_matter(self):
        model = self.make()
        stamps = self.images(4)
        expected = model(stamps)["probability"]
        self.assertAllClose(model(40 * stamps + 7)["probability"], expected, atol=1e-4)

    def test_stamps_of_any_size(self):
        model = self.make()
        served = model.signatures()["serving_default"]
        function = tf.function(served.function, input_signature=served.inputs)
        stamps = self.images(3)
        wide = np.pad(stamps, ((0, 0), (3, 3), (3, 3), (0, 0)))
        small = stamps[:, 3:-3, 3:-3]
        mirrored = np.pad(small, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="symmetric")
        for given, same in ((wide, stamps), (small, mirrored)):
            self.assertAllClose(function(given)["probability"], model(same)["probability"])


if __name__ == "__main__":
    tf.test.main()
