import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.table import Table
from PIL import Image

from trainers import predict

IMAGES = np.random.default_rng(0).normal(size=(6, 4, 4, 2)).astype(np.float32)


class ForeignModelsTest(tf.test.TestCase):
    """SavedModels of other projects, through the command."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        np.save(self.folder / "a.npy", IMAGES)

    def saved(self, function, shape=(None, 4, 4, 2), kind=tf.float32):
        module = tf.Module()
        module.function = tf.function(
            function, input_signature=[tf.TensorSpec(shape, kind, name="image")]
        )
        tf.saved_model.save(module, str(self.folder / "model"), signatures=module.function)

    def predict(self, *options, images="a.npy", status=0):
        arguments = ["--saved_model", self.folder / "model", "--images", self.folder / images]
        arguments += ["--output", self.folder / "out.parquet", "--overwrite", *options]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            self.assertEqual(
                predict.main([str(one) for one in arguments]), status, printed.getvalue()
            )
        return printed.getvalue()

    def table(self):
        return Table.read(self.folder / "out.parquet")

    def pictures(self, *sizes):
        for number, size in enumerate(sizes):
            pixels = np.full((size, size, 3), number + 1, np.uint8)
            Image.fromarray(pixels).save(self.folder / f"{number}.png")

    def test_positions_of_a_table(self):
        self.saved(lambda image: {"mean": tf.reduce_mean(image, (1, 2, 3))})
        for row in range(4):
            np.save(self.folder / f"{row}.npy", IMAGES[row])
        ids, ra, dec = ["2", "0.npy", "9"], [20.0, 10.0, 1.0], [-5.0, 5.0, 1.0]
        Table([ids, ra, dec], names=("id", "ra", "dec")).write(self.folder / "sky.csv")
        options = ("--positions", self.folder / "sky.csv", "--output")
        for name in ("a.fits", "out.parquet"):
            printed = self.predict(*options, self.folder / name, images="[0-3].npy")
            self.assertIn("note  2 objects without a position", printed)
            table = Table.read(self.folder / name)
            self.assertEqual(table.colnames, ["id", "ra", "dec", "mean"])
            self.assertAllEqual(np.asarray(table["ra"]), [10.0, np.nan, 20.0, np.nan])
            self.assertAllEqual(np.asarray(table["dec"]), [5.0, np.nan, -5.0, np.nan])
            self.assertEqual(table["dec"].unit, "deg")
            self.assertAllClose(table["mean"], IMAGES[:4].mean((1, 2, 3)))
        Table([ids, ra], names=("id", "ra")).write(self.folder / "sky.csv", overwrite=True)
        printed = self.predict(*options[:2], images="0.npy", status=2)
        self.assertIn("must have the columns id, ra and dec; it has id, ra", printed)

    def test_an_image_that_the_model_refuses_is_left_out(self):
        kernel = np.ones((5, 5, 3, 1), np.float32)

        def convolved(image):
            return {"mean": tf.reduce_mean(tf.nn.conv2d(image, kernel, 1, "VALID"), (1, 2, 3))}

        self.saved(convolved, (None, None, None, 3))
        self.pictures(6, 7, 3, 6, 2, 7)
        self.assertIn("left out  2 objects", self.predict(images="*.png"))
        table = self.table()
        self.assertEqual(list(table["id"]), ["0.png", "1.png", "3.png", "5.png"])
        self.assertAllClose(table["mean"], 75.0 * np.array([1, 2, 4, 6]))
        left_out = Table.read(self.folder / "out_left_out.ecsv")
        self.assertEqual(sorted(left_out["source"]), ["2.png", "4.png"])
        for reason in left_out["reason"]:
            self.assertRegex(reason, r"^the model refuses it: Computed output size .*\]$")

    def test_outputs_that_are_no_columns_are_left_out(self):
        def outputs(image):
            flux = tf.reduce_sum(image, (1, 2, 3))
            return {
                "flux": flux,
                "scalar": tf.constant(2.0),
                "as_many": tf.range(6.0),
                "complex": tf.complex(flux, flux),
                "text": tf.strings.as_string(flux),
            }

        self.saved(outputs)
        self.predict("--batch_size", 6)
        self.assertEqual(self.table().colnames, ["id", "flux"])
        self.assertAllClose(self.table()["flux"], IMAGES.sum((1, 2, 3)), 1e-4)

    def test_so_are_those_whose_size_differs(self):
        def outputs(image):
            return {"mean": tf.reduce_mean(image, (1, 2)), "map": image}

        self.saved(outputs, (None, None, None, 3))
        self.pictures(4, 5, 4)
        for batch_size in (1, 2, 64):
            self.predict("--batch_size", batch_size, images="*.png")
            table = self.table()
            self.assertEqual(table.colnames, ["id", "mean_0", "mean_1", "mean_2"])
            self.assertAllClose(table["mean_2"], [1.0, 2.0, 3.0])

    def test_a_single_probability_names_no_class(self):
        self.saved(lambda image: {"probability": tf.sigmoid(image[:, 0, 0, :1])})
        self.predict()
        self.assertEqual(self.table().colnames, ["id", "probability"])
        expected = 1 / (1 + np.exp(-IMAGES[:, 0, 0, 0]))
        self.assertAllClose(self.table()["probability"], expected)

    def test_pixels_of_another_type_are_refused(self):
        self.saved(lambda image: {"sum": tf.reduce_sum(image, (1, 2, 3))}, kind=tf.uint8)
        printed = self.predict(status=2)
        self.assertRegex(printed, r"bands\) float32; it takes image \(None, 4, 4, 2\) uint8\n$")


if __name__ == "__main__":
    tf.test.main()
