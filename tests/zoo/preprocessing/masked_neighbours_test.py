import numpy as np
import tensorflow as tf

import zoo
from zoo import preprocessing
from zoo.preprocessing.neighbour_regions import neighbour_regions, without_regions

SHAPE = (24, 24, 2)


class MaskedNeighboursTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draws = np.random.default_rng(0)
        rows, columns = np.mgrid[:24, :24]
        y, x = draws.uniform(2, 22, (2, 24, 1, 1))
        middle = np.exp(-((rows - 11.5) ** 2 + (columns - 11.5) ** 2) / 4)
        flux = 30 * (middle + np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 4))
        cls.images = (flux[..., None] + draws.normal(size=(24, *SHAPE))).astype(np.float32)
        cls.segmentation = zoo.create(
            "hypercolumn_segmentation",
            image_shape=SHAPE,
            clusters=3,
            filters=(4, 6),
            components=5,
        )
        cls.segmentation.adapt(cls.images)
        cls.segmentation.finalize(cls.images)

    def test_neighbours_are_the_regions_of_the_segments(self):
        layer = preprocessing.make({"name": "masked_neighbours", "segmentation": self.segmentation})
        layer.build((None, *SHAPE))
        segment = self.segmentation(self.images)["segment"]
        expected = without_regions(self.images, neighbour_regions(segment, 2), 2)
        self.assertAllEqual(layer(self.images), expected)
        self.assertGreater(np.mean(expected != self.images), 0.02)
        self.assertAllEqual(expected[:, 10:14, 10:14], self.images[:, 10:14, 10:14])

    def test_a_model_holds_its_segmentation(self):
        path = f"{self.get_temp_dir()}/segmentation.keras"
        self.segmentation.save(path)
        chain = [{"name": "masked_neighbours", "segmentation": path}, "background_noise"]
        model = zoo.create(
            "star_galaxy_cnn",
            image_shape=SHAPE,
            class_names=("star", "galaxy"),
            filters=(4,),
            features=4,
            preprocessing=chain,
        )
        before = [value.numpy() for value in self.segmentation.weights]
        labels = np.arange(24) % 2
        model.fit(self.images, labels, epochs=1, verbose=0)
        held = model.preprocessing.layers[0].segmentation
        for expected, value in zip(before, held.weights, strict=True):
            self.assertAllEqual(value, expected)
        model.save(f"{self.get_temp_dir()}/model.keras")
        tf.io.gfile.remove(path)
        loaded = zoo.load(f"{self.get_temp_dir()}/model.keras")
        expected = model(self.images)["probability"]
        self.assertAllEqual(loaded(self.images)["probability"], expected)

    def test_a_trained_model_gets_it_in_front(self):
        model = zoo.create(
            "star_galaxy_cnn",
            image_shape=SHAPE,
            class_names=("star", "galaxy"),
            filters=(4,),
            features=4,
            preprocessing="background_noise",
        )
        masked = preprocessing.masking_neighbours(model, self.segmentation)
        images = without_regions(
            self.images, neighbour_regions(self.segmentation(self.images)["segment"], 2)
        )
        expected = model(images)["probability"]
        self.assertAllEqual(masked(self.images)["probability"], expected)
        self.assertNotAllClose(model(self.images)["probability"], expected)
        masked.save(f"{self.get_temp_dir()}/masked.keras")
        loaded = zoo.load(f"{self.get_temp_dir()}/masked.keras")
        self.assertAllEqual(loaded(self.images)["probability"], expected)

    def test_errors(self):
        cnn = zoo.create("star_galaxy_cnn", image_shape=SHAPE, class_names=("a", "b"), filters=(4,))
        for arguments, message in (
            ({"segmentation": cnn}, "must be a model of task segmentation; got 'star_galaxy_cnn'"),
            ({"segmentation": "none.keras"}, "file of a model; none.keras cannot be loaded: .*No"),
            ({"segmentation": self.segmentation, "margin": -1}, "must be at least 0 px; got -1"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                preprocessing.make({"name": "masked_neighbours", **arguments})
        layer = preprocessing.make({"name": "masked_neighbours", "segmentation": self.segmentation})
        with self.assertRaisesRegex(ValueError, r"of shape \(32, 24, 2\); got \(24, 24, 2\)"):
            layer.build((None, 32, 24, 2))


if __name__ == "__main__":
    tf.test.main()
