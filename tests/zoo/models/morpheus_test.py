import numpy as np
import tensorflow as tf

from tests.zoo import pixel_class_test_case
from zoo.layers.windows import random_windows
from zoo.losses.fractional_classes import fractional_class_terms


class MorpheusTest(pixel_class_test_case.PixelClassTestCase):
    model_name = "morpheus"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "window_size": 8,
        "margin": 2,
        "stride": 2,
        "windows": 2,
        "filters": (4, 6),
        "down_convolutions": 1,
        "middle_filters": 4,
        "up_convolutions": 1,
        "dropout": 0.2,
        "seed": 3,
    }
    output_shapes = {
        "pixel_probabilities": (16, 16, 5),
        "pixel_variance": (16, 16, 5),
        "pixel_ranks": (16, 16, 5),
        "segment": (16, 16),
    }

    def test_an_image_of_one_window_has_the_answer_of_the_network(self):
        model = self.make(stride=4)
        image = self.images(1, (4, 4, 3))
        window = np.pad(image, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="symmetric")
        logits = model.network(model.standardization(window))
        answer = model(image)
        expected = tf.nn.softmax(logits)[:, 2:-2, 2:-2]
        self.assertAllClose(answer["pixel_probabilities"], expected, atol=1e-6)
        self.assertAllClose(answer["pixel_variance"], tf.zeros_like(expected))
        ranks = tf.one_hot(tf.argmax(expected, axis=-1), 5)
        self.assertAllEqual(answer["pixel_ranks"], ranks)

    def test_loss_is_that_of_random_windows(self):
        model, batch = self.make(dropout=0.0), self.batch(4)
        seed = tf.constant([3, 4])
        places = tf.random.experimental.stateless_split(seed, 2)[0]
        images, labels, known = random_windows(model.maps(batch), 8, 2, places)
        terms = fractional_class_terms(
            labels, model.network(model.standardization(images)), known[..., 0]
        )
        objective = model.objective(batch, seed, training=False)
        self.assertEqual(objective["loss"].shape, (4,))
        self.assertAllClose(np.mean(objective["loss"]), np.mean(terms["loss"]), rtol=1e-5)

    def test_more_windows_vary_less(self):
        image = self.images(1)
        coarse, fine = (self.make(stride=stride)(image) for stride in (4, 1))
        self.assertAllClose(coarse["pixel_probabilities"], fine["pixel_probabilities"], atol=0.2)
        self.assertGreater(np.mean(fine["pixel_variance"][:, 6:10, 6:10]), 0)

    def test_errors_of_windows(self):
        for changes, message in (
            ({"window_size": 6}, "window_size must be divisible by 4 for 2 levels; got 6"),
            ({"window_size": 20}, "window_size must be at most as large as the images"),
            ({"margin": 4}, "margin must be from 1 to less than half of window_size=8; got 4"),
            ({"stride": 3}, "stride must divide the 4 inner px of a window; got 3"),
            ({"windows": 0}, "windows must be at least 1; got 0"),
            ({"dropout": 1.0}, "dropout must be at least 0 and below 1; got 1.0"),
            ({"filters": ()}, "filters must be positive numbers"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.make(**changes)


if __name__ == "__main__":
    tf.test.main()
