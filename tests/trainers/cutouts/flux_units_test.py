import tensorflow as tf
from astropy import units as u

from trainers.cutouts.flux_units import flux_unit

PER_SECOND = u.electron / u.s
DENSITY = u.erg / u.s / u.cm**2 / u.AA


class FluxUnitTest(tf.test.TestCase):
    def test_spellings(self):
        for unit, spellings in (
            (PER_SECOND, ("ELECTRONS/S", "electrons/s", "e-/s", "e/s", "electron s-1", "e-/sec")),
            (u.electron, ("electron", "ELECTRONS", "e-", "E-")),
            (u.ct / u.s, ("COUNTS/SECOND", "counts/s", "ct s-1", "cts/sec", "COUNTS/S")),
            (u.ct, ("COUNTS", "Counts", "count", "ct")),
            (u.adu, ("ADU", "adu", "Adu", " adu ")),
            (u.DN, ("DN", "dn")),
            (u.DN / u.s, ("DN/S", "DN/s", "dn s**-1")),
            (u.mgy, ("maggies", "maggy", "mgy", "Mgy")),
            (1e-9 * u.mgy, ("nanomaggy", "nanomaggies", "nmgy", "NANOMAGGIES", "nMgy")),
            (u.Jy / u.pix, ("Jy/pixel", "JY/PIXEL", "Jy/pix", "Jy.pix-1", "Jansky/pixel")),
            (u.MJy / u.sr, ("MJy/sr", "MJy sr-1")),
            (u.uJy, ("uJy", "microJy", "microjansky")),
            (
                DENSITY,
                (
                    "erg/s/cm2/Angstrom",
                    "erg s-1 cm-2 Angstrom-1",
                    "erg/s/cm^2/Ang",
                    "ERGS/S/CM**2/ANGSTROM",
                    "erg/cm**2/s/Angstrom",
                ),
            ),
            (1e-20 * DENSITY, ("10**(-20)*erg/s/cm**2/Angstrom", "1e-20 erg/s/cm2/Angstrom")),
            (u.mag, ("mag",)),
        ):
            for spelling in spellings:
                with self.subTest(spelling):
                    parsed = flux_unit(spelling)
                    self.assertIsNotNone(parsed)
                    self.assertAllClose(parsed.to(unit), 1.0, rtol=1e-12)

    def test_unknown_ones_are_not_guessed(self):
        for spelling in ("", "UNITLESS", "flux", "Counts (0-255)", "DN2/furlong", "A", "erg/s/A"):
            with self.subTest(spelling):
                self.assertIsNone(flux_unit(spelling))


if __name__ == "__main__":
    tf.test.main()
