import numpy as np
import tensorflow as tf

from tests.trainers.tiny import TinyDataset
from trainers.prediction import inference


class InferenceTest(tf.test.TestCase):
    def test_any_batch_size_gives_the_same(self):
        array = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)
        for size in (1, 7, 23, 100):
            outputs = inference.apply(
                lambda x: {"double": 2 * x, "sum": tf.reduce_sum(x, -1)}, array, batch_size=size
            )
            self.assertAllClose(outputs["double"], 2 * array)
            self.assertAllClose(outputs["sum"], array.sum(axis=1))

    def test_large_images_come_in_smaller_batches(self):
        def rows(image, _):
            number = tf.shape(image)[0]
            return {"rows": tf.fill([number], number)}

        for size, expected in ((8, [256] * 256 + [44] * 44), (128, [64] * 256 + [44] * 44)):
            images = np.zeros((300, size, size, 1), np.float32)
            outputs = inference.apply(rows, images, np.zeros((300, 2)))
            self.assertAllEqual(outputs["rows"], expected)

    def test_the_function_is_traced_once(self):
        traces = []

        def function(x):
            traces.append(x.shape)
            return {"x": x}

        inference.apply(function, np.zeros((10, 2)), batch_size=4)
        self.assertLen(traces, 1)

    def test_half_precision_comes_back_as_float32(self):
        outputs = inference.apply(lambda x: {"x": tf.cast(x, tf.bfloat16)}, np.ones((3, 1)))
        self.assertEqual(outputs["x"].dtype, np.float32)

    def test_mistakes_are_reported(self):
        with self.assertRaisesRegex(ValueError, "batch_size must be at least 1; got 0"):
            inference.apply(lambda x: {"x": x}, np.zeros((3, 1)), batch_size=0)
        with self.assertRaisesRegex(ValueError, "at least one row"):
            inference.apply(lambda x: {"x": x}, np.zeros((0, 1)))
        with self.assertRaisesRegex(ValueError, "'log' must be finite; .* 1 of 3 rows.* row 1"):
            inference.apply(lambda x: {"log": tf.math.log(x)}, np.array([[1.0], [0.0], [2.0]]))

    def test_stream_goes_through_a_split_in_its_order(self):
        dataset = TinyDataset()
        arrays = dataset.arrays("test")
        parts = list(
            inference.stream(
                lambda x: {"sum": tf.reduce_sum(x, (1, 2, 3))},
                dataset,
                "test",
                features=("id", "label"),
                batch_size=9,
            )
        )
        self.assertEqual([len(outputs["sum"]) for outputs, _ in parts], [9, 9, 9, 9, 4])
        sums = np.concatenate([outputs["sum"] for outputs, _ in parts])
        self.assertAllClose(sums, arrays["image"].sum(axis=(1, 2, 3)), rtol=1e-5)
        labels = np.concatenate([features["label"] for _, features in parts])
        self.assertAllEqual(labels, arrays["label"])
        ids = [i.decode() for _, features in parts for i in features["id"]]
        self.assertEqual(ids, list(arrays["id"]))
