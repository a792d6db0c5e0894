import numpy as np
import tensorflow as tf
from astropy.io import fits

from trainers.cutouts.header_seeing import seeing
from trainers.cutouts.reading import CutoutFiles


def _header(*cards):
    return fits.Header([fits.Card(*card) for card in cards])


class SeeingTest(tf.test.TestCase):
    def test_units_are_those_of_the_comment(self):
        ztf = _header(("SEEING", 2.0, "[pix] Seeing FWHM"))
        self.assertAlmostEqual(seeing(ztf, 1.0), 2.0)
        self.assertAlmostEqual(seeing(ztf, 0.5), 1.0)
        self.assertIsNone(seeing(ztf, None))
        casu = _header(("SEEING", 3.0, "Average FWHM (pixels)"))
        self.assertAlmostEqual(seeing(casu, 0.4), 1.2)
        for comment in ("[arcsec] Fwhm", "Average FWHM (arcsec)", "seeing [Arcseconds]"):
            self.assertAlmostEqual(seeing(_header(("PSF_FWHM", 0.7, comment)), 0.2), 0.7)

    def test_nothing_is_guessed(self):
        for card in (
            ("SEEING", 1.1, "Seeing"),
            ("SEEING", 1.1),
            ("FWHM", 1.1, "FWHM [mm]"),
            ("SEEING", "1.1", "[arcsec]"),
            ("SEEING", -1.0, "[arcsec]"),
            ("SEEING", 0, "[arcsec]"),
            ("DIMMSEE", 1.1, "[arcsec] of the monitor"),
        ):
            self.assertIsNone(seeing(_header(card), 0.2), card)

    def test_keywords_have_to_agree(self):
        first = ("FWHM", 4.0, "[pix]")
        self.assertAlmostEqual(seeing(_header(first, ("IQ", 0.82, "[arcsec]")), 0.2), 0.8)
        self.assertIsNone(seeing(_header(first, ("IQ", 1.2, "[arcsec]")), 0.2))

    def test_cutouts_have_that_of_their_extension_or_file(self):
        path = f"{self.get_temp_dir()}/two.fits"
        hdus = [fits.PrimaryHDU()]
        hdus += [fits.ImageHDU(np.arange(64.0).reshape(8, 8), name=name) for name in "AB"]
        hdus[0].header["SEEING"] = (1.5, "[arcsec]")
        hdus[2].header["SEEING"] = (0.9, "[arcsec]")
        fits.HDUList(hdus).writeto(path)
        files = CutoutFiles([path], (8, 8, 1))
        self.assertEqual([cutout.seeing for cutout in files.of_file(0)], [1.5, 0.9])
