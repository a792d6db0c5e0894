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

    def test_structure_is_for_training_alone(self):
        rough, smooth = self.make(structure=0.5), self.make(structure=0.0, smooth_noise=0.0)
        batch = self.batch()
        self.assertAllEqual(
            rough(batch["image"])["probability"], smooth(batch["image"])["probability"]
        )
        self.assertAllEqual(rough.test_step(batch)["loss"], smooth.test_step(batch)["loss"])
        self.assertNotAllClose(rough.train_step(batch)["loss"], smooth.train_step(batch)["loss"])

    def test_stamps_of_any_size(self):
        model = self.make()
        served = model.signatures()["serving_default"]
        function = tf.function(served.function, input_signature=served.inputs)
        stamps = self.images(3)
        wide = np.pad(stamps, ((0, 0), (3, 3), (3, 3), (0, 0)))
        small = stamps[:, 3:-3, 3:-3]
        mirrored = np.pad(small, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="symmetric")
        for images, same in ((wide, stamps), (small, mirrored)):
            self.assertAllClose(function(images)["probability"], model(same)["probability"])


if __name__ == "__main__":
    tf.test.main()
