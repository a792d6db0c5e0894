import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.table import Table
from PIL import Image, ImageOps

from tests.zoo import tiny_model
from trainers import predict
from trainers.datasets.dataset import DatasetSpec
from trainers.serving.serving_export import export

SHAPE = (4, 4, 3)


class ScaledPicturesTest(tf.test.TestCase):
    """Pictures are cut, scaled and refused as those that the model was trained on."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.generator = np.random.default_rng(0)

    def export(self, scales_files, pad=0, noise_sigma=None):
        shape = (SHAPE[0] + 2 * pad, SHAPE[1] + 2 * pad, SHAPE[2])
        images = self.generator.integers(0, 256, (8, *shape)).astype(np.float32)
        spec = DatasetSpec(
            "image_folder",
            shape,
            ("red", "green", "blue"),
            None,
            "counts (0-255)",
            ("star", "galaxy"),
            None,
            scales_files=scales_files,
            pad=pad,
            noise_sigma=noise_sigma,
        )
        with tiny_model.registered():
            model = tiny_model.TinyModel(image_shape=shape, class_names=spec.class_names)
            path = export(model, self.folder / "models", sample_inputs=images, spec=spec)
        self.signatures = tf.saved_model.load(str(path)).signatures
        self.answer = self.signatures["serving_default"]
        return path

    def predict(self, model):
        table = self.folder / "out.ecsv"
        arguments = ["--saved_model", model, "--images", self.folder / "cutouts", "--output", table]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = predict.main([str(argument) for argument in arguments])
        return status, printed.getvalue()

    def write(self, name, height, width):
        pixels = self.generator.integers(0, 256, (height, width, 3)).astype(np.uint8)
        path = self.folder / "cutouts" / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        return pixels

    def test_pictures_of_other_sizes_are_cut_and_scaled(self):
        model = self.export(scales_files=True)
        pixels = self.write("wide.png", 12, 20)
        status, printed = self.predict(model)
        self.assertEqual(status, 0, printed)
        fitted = ImageOps.fit(Image.fromarray(pixels), (4, 4), Image.Resampling.LANCZOS)
        expected = self.answer(image=tf.constant(np.asarray(fitted)[None], tf.float32))
        table = Table.read(self.folder / "out.ecsv")
        self.assertEqual(list(table["id"]), ["wide.png"])
        self.assertAllClose(table["probability_star"], expected["probability"][:, 0], rtol=1e-6)

    def test_other_sizes_are_refused_where_nothing_was_scaled(self):
        model = self.export(scales_files=False)
        self.write("wide.png", 12, 20)
        _, printed = self.predict(model)
        self.assertIn("wide.png: is 20x12 px; 4x4 px was expected", printed)

    def test_images_get_the_zeros_that_those_of_the_training_got(self):
        for scales_files, sizes in ((True, ((12, 20), (4, 4), (6, 6))), (False, ((4, 4), (6, 6)))):
            model = self.export(scales_files, pad=1, noise_sigma=(2.0, 5.0))
            expected = {}
            for height, width in sizes:
                name = f"{height}.png"
                pixels = self.write(name, height, width)
                if scales_files:
                    image = Image.fromarray(pixels)
                    pixels = np.asarray(ImageOps.fit(image, (4, 4), Image.Resampling.LANCZOS))
                expected[name] = pixels
            # Arrays are never scaled, and those of the full size have their border.
            for height in (4, 6):
                expected[f"{height}.npy"] = self.generator.normal(100, 50, (height, height, 3))
                np.save(self.folder / "cutouts" / f"{height}.npy", expected[f"{height}.npy"])
            for name, pixels in expected.items():
                if len(pixels) == 4:
                    expected[name] = np.pad(pixels, ((1, 1), (1, 1), (0, 0)))
            status, printed = self.predict(model)
            self.assertEqual(status, 0, printed)
            self.assertIn("note  noise of sigma 2 to 5 counts (0-255) was added", printed)
            table = Table.read(self.folder / "out.ecsv")
            images = tf.constant(
                np.stack([expected[str(name)] for name in table["id"]]), tf.float32
            )
            self.assertLen(table, len(expected))
            probability = self.answer(image=images)["probability"]
            self.assertAllClose(table["probability_star"], probability[:, 0], rtol=1e-6)
            # The server decodes pictures likewise.
            names = [str(name) for name in table["id"] if str(name).endswith(".png")]
            files = [(self.folder / "cutouts" / name).read_bytes() for name in names]
            served = self.signatures["serving_bytes"](image_bytes=tf.constant(files))
            images = tf.constant(np.stack([expected[name] for name in names]), tf.float32)
            self.assertAllEqual(served["probability"], self.answer(image=images)["probability"])
            (self.folder / "out.ecsv").unlink()

    def test_an_image_of_neither_size_is_refused(self):
        model = self.export(scales_files=False, pad=1)
        self.write("wide.png", 5, 5)
        _, printed = self.predict(model)
        self.assertIn("wide.png: is 5x5 px; 6x6 or 4x4 px was expected", printed)

    def test_values_that_no_picture_has_are_named(self):
        model = self.export(scales_files=False)
        for name, low, high, is_named in (
            ("fractions", 0.0, 0.99, True),
            ("negative", -9.0, 200.0, True),
            ("deep", 0.0, 2550.0, True),
            ("pixels", 0.0, 255.0, False),
        ):
            images = np.linspace(low, high, 96).reshape(2, *SHAPE)
            (self.folder / "cutouts").mkdir(exist_ok=True)
            np.save(self.folder / "cutouts" / "a.npy", images)
            status, printed = self.predict(model)
            self.assertEqual(status, 0, printed)
            note = f"values from {low:g} to {high:g}, the model was trained on counts (0-255)"
            self.assertEqual(note in printed, is_named, name)
            (self.folder / "out.ecsv").unlink()

    def test_sixteen_bits_are_refused_by_a_model_of_eight(self):
        model = self.export(scales_files=True)
        self.write("eight.png", 4, 4)
        deep = np.full((4, 4), 2550, np.uint16)
        Image.fromarray(deep).save(self.folder / "cutouts" / "sixteen.png")
        self.predict(model)
        self.assertEqual(list(Table.read(self.folder / "out.ecsv")["id"]), ["eight.png"])
        left_out = Table.read(self.folder / "out_left_out.ecsv")
        self.assertIn("has 16 bits a band; 8 were expected", " ".join(map(str, left_out["reason"])))


if __name__ == "__main__":
    tf.test.main()
