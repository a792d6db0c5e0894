import tensorflow as tf

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

    def test_average_over_symmetries_does_not_see_flips_and_turns(self):
        plain = self.make(compiled=False)
        averaged = self.make(compiled=False, average_symmetries=True)
        images = tf.random.stateless_normal((5, 16, 16, 3), (1, 2))
        turns = [tf.image.rot90(x, k) for x in (images, images[:, :, ::-1]) for k in range(4)]
        self.assertNotAllClose(plain.logits(images), plain.logits(turns[1]), atol=1e-3)
        expected = tf.reduce_mean([plain.logits(x) for x in turns], axis=0)
        for x in turns:
            answer = averaged(x)["probability"]
            self.assertAllClose(answer, tf.nn.softmax(expected), atol=1e-4)
        self.assertAllClose(
            averaged.single_view(images)["probability"], plain(images)["probability"], atol=1e-6
        )
        self.assertIn("single_view", averaged.signatures())
        self.assertNotIn("single_view", plain.signatures())
        seed = tf.constant([3, 4])
        self.assertAllEqual(averaged.logits(images, seed), plain.logits(images, seed))

    def test_average_of_images_that_are_not_square(self):
        model = self.make(compiled=False, image_shape=(12, 16, 3), average_symmetries=True)
        images = tf.random.stateless_normal((2, 12, 16, 3), (1, 2))
        answers = [model(x)["probability"] for x in (images, images[:, ::-1, ::-1])]
        self.assertAllClose(*answers, atol=1e-4)
