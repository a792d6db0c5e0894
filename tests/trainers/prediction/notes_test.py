"""What `trainers.predict` tells beside the table, and when."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.table import Table

from tests.trainers.predict_test import IMAGES, PredictTestCase
from trainers.prediction import joining
from trainers.prediction.parts import Parts


class NotesTest(PredictTestCase):
    def write(self, unit, name="a.fits"):
        header = fits.Header({"BUNIT": unit} if unit else {})
        hdus = [fits.PrimaryHDU(np.moveaxis(IMAGES[0], -1, 0), header)]
        hdus.append(fits.ImageHDU(np.moveaxis(IMAGES[1], -1, 0)))
        fits.HDUList(hdus).writeto(self.folder / name, overwrite=True)

    def test_the_model_and_its_training_are_told_first(self):
        self.write("adu")
        first = self.predict("a.fits").splitlines()[0]
        self.assertEqual(first, "model  tiny, version 1, trained on sky (4x4x2), bands g r")
        self.assertEqual(self.table().meta["units"], "counts")

    def test_other_units_than_those_of_the_training_are_told(self):
        for unit in ("adu", "ct", None):
            self.write(unit)
            self.assertNotIn("note", self.predict("a.fits", "x.fits", "--overwrite"))
        self.write("Jy")
        printed = self.predict("a.fits", "y.fits")
        self.assertIn("a.fits is in Jy (BUNIT), the model was trained on counts", printed)
        self.assertLen(self.table("y.fits"), 2)

    def test_the_same_probabilities_for_all_are_told(self):
        np.save(self.folder / "a.npy", np.repeat(IMAGES[:1], 3, axis=0))
        self.assertIn("all 3 objects get practically the same", self.predict("a.npy", "x.fits"))
        np.save(self.folder / "b.npy", IMAGES[:3])
        self.assertNotIn("note", self.predict("b.npy", "y.fits"))
        np.save(self.folder / "c.npy", IMAGES[:1])
        printed = self.predict("c.npy", "z.fits")
        self.assertNotIn("note", printed)
        self.assertIn("(1 object)", printed)

    def test_mistakes_are_told_before_tensorflow_has_started(self):
        np.save(self.folder / "a.npy", IMAGES[:1])
        (self.folder / "there.fits").touch()
        given = ["--images", self.folder / "a.npy", "--saved_model", self.model, "--output"]
        for output, *options in (("there.fits",), ("x.fits", "--extensions", "band")):
            command = [str(one) for one in [*given, self.folder / output, *options]]
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
                return joining.join(parts, len(pieces), {}).alike

    def test_what_differs_by_less_than_it_can_mean_is_alike(self):
        self.assertTrue(self.alike([0.50764, 0.50767], [0.50759]))
        self.assertTrue(self.alike([1.0, 1.0], [1.0]))
        self.assertFalse(self.alike([0.50764, 0.50767], [0.512]))
        self.assertFalse(self.alike([0.99997, 0.99990]))
        self.assertFalse(self.alike([0.5]))


if __name__ == "__main__":
    tf.test.main()
