import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.io import fits

from trainers.cutouts.reading import CutoutFiles
from trainers.datasets import cutouts
from trainers.errors import UserError
from trainers.options.cutout_source import CutoutSource
from trainers.options.table import TableOptions
from trainers.prediction import table
from trainers.serving.model_card import dataset_card

IMAGES = np.random.default_rng(0).standard_normal((30, 12, 12)).astype(np.float32)
SCALE = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": 1e-4, "CDELT2": 1e-4}


class CutoutPixelsTest(tf.test.TestCase):
    """Training and prediction read the same pixels, as the model card has the choices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        for row, image in enumerate(IMAGES):
            mask = np.zeros((12, 12), np.int16)
            mask[row % 12, 3] = 1 << row % 3
            hdus = [
                fits.PrimaryHDU(),
                fits.ImageHDU(image, fits.Header({**SCALE, "BUNIT": "uJy"}), name="SCI"),
                fits.ImageHDU(mask, name="DQ"),
            ]
            hdus[0].header["SEEING"] = (2 + row / 10, "[pix]")
            fits.HDUList(hdus).writeto(cls.folder / f"{row:02d}.fits")

    def read(self, shape=(8, 8, 1), **options):
        source = CutoutSource(images=[str(self.folder)], **options)
        return cutouts.read(source, image_shape=shape, on_error="skip")

    def trained(self, dataset):
        """Images by identifier."""
        images = {}
        for split, number in dataset.num_examples.items():
            if number:
                arrays = dataset.arrays(split)
                images |= dict(zip(map(str, arrays["id"]), arrays["image"], strict=True))
        return images

    def predicted(self, dataset, **options):
        options = TableOptions(images=[str(self.folder)], output=Path("x.fits"), **options)
        files = table.files(options, dataset.spec.image_shape, data=dataset_card(dataset.spec))
        return {one.id: one.image for one in files.entries(0, len(files)) if hasattr(one, "image")}

    def test_prediction_follows_the_training(self):
        for options in (
            {"resize": "crop", "invalid": "sky", "units": "nmgy"},
            {"resize": "pad", "invalid": "interpolate", "mask_bits": ["0,1"]},
            {"resize": "resample", "pixel_scale": 0.5, "mask_bits": ["none"]},
            {"resize": "crop", "mask_bits": ["2"]},
        ):
            shape = (20, 16, 1) if options["resize"] == "pad" else (8, 8, 1)
            dataset = self.read(shape, **options)
            trained, predicted = self.trained(dataset), self.predicted(dataset)
            self.assertEqual(sorted(trained), sorted(predicted))
            # Under "drop" a third has the masked bit.
            self.assertLen(trained, 20 if options.get("mask_bits") == ["2"] else 30)
            for name, image in trained.items():
                self.assertAllEqual(predicted[name], image)

    def test_the_card_has_the_seeing_of_the_headers(self):
        dataset = self.read(resize="crop", mask_bits=["none"])
        # In arcsec, of pixels of 0.36 arcsec.
        self.assertAllClose(dataset_card(dataset.spec)["seeing_arcsec"], [0.72, 1.764], rtol=1e-6)

    def test_pixels_are_those_of_the_files(self):
        dataset = self.read(resize="crop", mask_bits=["none"], units="nmgy")
        image = self.trained(dataset)["04.fits"][..., 0]
        self.assertAllClose(image, IMAGES[4, 2:10, 2:10] / 3.631, rtol=2e-4)
        card = dataset_card(dataset.spec)
        self.assertEqual((card["resize"], card["mask_bits"]), ("crop", ["none"]))

    def test_an_option_of_the_prediction_comes_first(self):
        dataset = self.read(resize="crop", mask_bits=["none"])
        self.assertLen(self.predicted(dataset), 30)
        self.assertLen(self.predicted(dataset, mask_bits=["2"]), 20)

    def test_mistakes_are_one_line(self):
        with self.assertRaisesRegex(UserError, "`resize=pad` needs `image_shape`"):
            self.read(None, resize="pad")
        with self.assertRaisesRegex(UserError, "`resize=resample` needs `pixel_scale`"):
            self.read(resize="resample")
        dataset = self.read(resize="crop", mask_bits=["none"])
        with self.assertRaisesRegex(UserError, "needs the pixel scale of the training"):
            self.predicted(dataset, resize="resample")
        with self.assertRaisesRegex(UserError, "`resize` must be one of crop, pad, resample"):
            CutoutFiles([str(self.folder)], (8, 8, 1), resize="stretch")


if __name__ == "__main__":
    tf.test.main()
