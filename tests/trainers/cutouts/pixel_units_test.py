import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.io import fits

from trainers.cutouts import pixel_units


class PixelUnitsTest(tf.test.TestCase):
    def test_spellings_of_one_unit_are_the_same(self):
        for names in (
            ("nanomaggies", "nmgy", "nMgy", "nanomaggy", "3.631 uJy", "3631 nJy"),
            ("counts", "adu", "ADU", "DN", "ct", "count", "counts (0-255)"),
            ("nanojansky", "nJy", "1e-9 Jy"),
            ("furlongs per fortnight", "Furlongs per fortnight"),
        ):
            for one in names:
                for other in names:
                    self.assertTrue(pixel_units.are_same(one, other), (one, other))

    def test_other_units_are_not(self):
        for one, other in (
            ("Jy", "nanomaggies"),
            ("3.631 nJy", "nanomaggies"),
            ("mJy", "MJy"),
            ("electron", "counts"),
            ("adu / s", "adu"),
            ("mag", "nanomaggies"),
            ("furlongs per fortnight", "nanomaggies"),
        ):
            self.assertFalse(pixel_units.are_same(one, other), (one, other))
            self.assertFalse(pixel_units.are_same(other, one), (one, other))

    def test_the_first_fits_file_tells_its_unit(self):
        folder = Path(tempfile.mkdtemp())
        pixels, header = np.zeros((4, 4), np.float32), fits.Header({"BUNIT": "nmgy "})
        fits.writeto(folder / "a.fits", pixels, header)
        packed = fits.CompImageHDU(pixels, header)
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(folder / "b.FITS.fz")
        fits.writeto(folder / "c.fits", pixels)
        (folder / "d.fits").write_bytes(b"no FITS file")
        for names, expected in (
            (("x.npy", "a.fits", "c.fits"), "nmgy"),
            (("b.FITS.fz",), "nmgy"),
            (("c.fits", "a.fits"), None),
            (("d.fits",), None),
            (("x.npy",), None),
        ):
            paths = [str(folder / name) for name in names]
            units = pixel_units.of_files(paths)
            self.assertEqual(units and units[1], expected)


if __name__ == "__main__":
    tf.test.main()
