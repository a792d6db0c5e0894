"""Notes that `trainers.predict` prints beside the table."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.table import Table

from tests.trainers.predict_test import IMAGES, PredictTestCase
from trainers.datasets.dataset import DatasetSpec
from trainers.prediction import merge_parts, training_images
from trainers.prediction.parts import Parts


class NotesTest(PredictTestCase):
    def predict(self, images, output="out.parquet", *options):
        # The model has no statistics of its training images, of which there is a note too.
        return super().predict(images, output, *options, "--validity", "none")

    def write(self, unit, name="a.fits"):
        header = fits.Header({"BUNIT": unit} if unit else {})
        hdus = [fits.PrimaryHDU(np.moveaxis(IMAGES[0], -1, 0), header)]
        hdus.append(fits.ImageHDU(np.moveaxis(IMAGES[1], -1, 0)))
        fits.HDUList(hdus).writeto(self.folder / name, overwrite=True)

    def test_the_model_and_its_training_are_reported_first(self):
        self.write("adu")
        first = self.predict("a.fits").splitlines()[0]
        self.assertEqual(first, "model  tiny, version 1, trained on sky (4x4x2), bands g r")
        self.assertEqual(self.table().meta["units"], "counts")

    def test_other_units_than_those_of_the_training_are_reported(self):
        for unit in ("adu", "ct", None):
            self.write(unit)
            self.assertNotIn("BUNIT", self.predict("a.fits", "x.fits", "--overwrite"))
        self.write("bananas")
        printed = self.predict("a.fits", "y.fits")
        self.assertIn("a.fits is in bananas (BUNIT), the model was trained on counts", printed)
        self.assertLen(self.table("y.fits"), 2)

    def test_extensions_that_are_no_images_are_reported(self):
        planes = np.moveaxis(IMAGES[0], -1, 0)
        names = ("SCI", "ERR", "OTHER", "ERR")
        hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(planes, name=name) for name in names)]
        fits.HDUList(hdus).writeto(self.folder / "mef.fits")
        printed = self.predict("mef.fits", "x.fits")
        self.assertIn("mef.fits: its 2 image extensions (SCI, OTHER) are an object each", printed)
        self.assertIn("mef.fits: ERR are no objects", printed)
        self.assertLen(self.table("x.fits"), 2)
        printed = self.predict("mef.fits", "y.fits", "--hdu", "SCI")
        self.assertNotIn("extensions", printed)
        self.assertLen(self.table("y.fits"), 1)

    def test_bands_are_taken_by_the_names_of_extensions(self):
        g, r = np.moveaxis(IMAGES[0], -1, 0)
        images = {"R": r, "G": g}
        hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(each, name=n) for n, each in images.items())]
        fits.HDUList(hdus).writeto(self.folder / "bands.fits")
        for name, options in (
            ("x.fits", ()),
            ("y.fits", ("--hdu", "G", "R")),
            ("z.fits", ("--hdu", "r", "g")),
        ):
            self.predict("bands.fits", name, "--extensions", "bands", *options)
            self.assert_answers(self.table(name), IMAGES[:1])

    def test_a_dataset_unlike_that_of_the_training_is_reported(self):
        data = {"bands": ["g", "r"], "units": "nmgy", "pixel_scale_arcsec": 0.396}
        spec = DatasetSpec("sky", (4, 4, 2), ("g", "r"), 0.3961, "nanomaggies", (), None)
        self.assertEmpty(training_images.differences(data, spec))
        self.assertEmpty(training_images.differences({}, spec))
        other = DatasetSpec("sky", (4, 4, 2), ("r", "g"), 0.262, "counts", (), None)
        self.assertEqual(
            training_images.differences(data, other),
            [
                "bands r g, trained on g r",
                "units counts, trained on nmgy",
                "pixels of 0.262 arcsec, trained on 0.396",
            ],
        )

    def test_the_same_probabilities_for_all_are_reported(self):
        np.save(self.folder / "a.npy", np.repeat(IMAGES[:1], 3, axis=0))
        self.assertIn("all 3 objects get practically the same", self.predict("a.npy", "x.fits"))
        np.save(self.folder / "b.npy", IMAGES[:3])
        self.assertNotIn("note", self.predict("b.npy", "y.fits"))
        np.save(self.folder / "c.npy", IMAGES[:1])
        printed = self.predict("c.npy", "z.fits")
        self.assertNotIn("note", printed)
        self.assertIn("(1 object)", printed)

    def test_mistakes_are_reported_before_tensorflow_has_started(self):
        np.save(self.folder / "a.npy", IMAGES[:1])
        (self.folder / "there.fits").touch()
        arguments = ["--images", self.folder / "a.npy", "--saved_model", self.model, "--output"]
        for output, *options in (("there.fits",), ("x.fits", "--extensions", "band")):
            command = [str(one) for one in [*arguments, self.folder / output, *options]]
            lines = (
                "import sys; from trainers import predict; "
                f"print(predict.main({command!r}), 'tensorflow' in sys.modules)"
            )
            ran = subprocess.run([sys.executable, "-c", lines], capture_output=True, check=True)
            self.assertEqual(ran.stdout.decode(), "2 False\n")


class AlikeTest(tf.test.TestCase):
    def alike(self, *pieces):
        with tempfile.TemporaryDirectory() as folder:
            parts = Parts(Path(folder) / "a.ecsv")
            with parts.opened({}, False):
                for number, values in enumerate(pieces):
                    names = [f"{number}-{row}" for row in range(len(values))]
                    columns = {"id": names, "source": names, "probability_galaxy": values}
                    parts.write(number, Table(columns), [])
                return merge_parts.merge(parts, len(pieces), {}).alike

    def test_what_differs_by_less_than_it_can_mean_is_alike(self):
        self.assertTrue(self.alike([0.50764, 0.50767], [0.50759]))
        self.assertTrue(self.alike([1.0, 1.0], [1.0]))
        self.assertFalse(self.alike([0.50764, 0.50767], [0.512]))
        self.assertFalse(self.alike([0.99997, 0.99990]))
        self.assertFalse(self.alike([0.5]))


if __name__ == "__main__":
    tf.test.main()
