"""Noise, residuals and masks of observed spectra, and images with the colours of a spectrum."""

import dataclasses
import zlib

import numpy as np
import tensorflow as tf

from tfds_builders.sdss_galaxies.bandpasses import BANDS
from tfds_builders.sdss_galaxies.configs import SimulatedConfig
from tfds_builders.sdss_galaxies.images import draw_image, measure_magnitudes
from tfds_builders.sdss_galaxies.simulated import GalaxiesOfFile, model_galaxies
from tfds_builders.sdss_galaxies.spectrograph import NO_DATA, SPECTROGRAPHS
from tfds_builders.sdss_galaxies.wavelengths import REST_FRAME
from tfds_builders.simulation.observation import draw_field
from tfds_builders.surveys import survey


class ObserveTest(tf.test.TestCase):
    def observed(self, redshift, number=40):
        spectrum = np.linspace(5.0, 15.0, REST_FRAME.number)
        rng = np.random.default_rng(0)
        sdss = SPECTROGRAPHS["sdss"]
        parts = [sdss.observe(spectrum, redshift, rng) for _ in range(number)]
        return spectrum, *(np.array(part) for part in zip(*parts, strict=True))

    def test_inverse_variance_is_that_of_the_noise(self):
        spectrum, flux, inverse_variance, mask = self.observed(0.1)
        self.assertAllEqual(inverse_variance > 0, mask == 0)
        self.assertAllEqual(flux[mask != 0], np.zeros(np.count_nonzero(mask)))
        # Where the sky has no OH lines; 20,000 values, so that 0.03 is six standard errors.
        quiet = (REST_FRAME.centres * 1.1 < 6800) & (np.abs(REST_FRAME.centres * 1.1 - 5578.9) > 10)
        deviation = (flux - spectrum) * np.sqrt(inverse_variance)
        values = deviation[:, quiet][mask[:, quiet] == 0]
        self.assertAllClose(values.std(), 1.0, atol=0.03)
        self.assertAllClose(values.mean(), 0.0, atol=0.04)
        # OH residuals are in the flux and not in the variance.
        red = deviation[:, REST_FRAME.centres * 1.1 > 7700]
        self.assertGreater(red[mask[:, REST_FRAME.centres * 1.1 > 7700] == 0].std(), 1.02)

    def test_range(self):
        _, _, _, mask = self.observed(0.02, number=2)
        outside = REST_FRAME.centres * 1.02 < 3800
        self.assertTrue(np.all(mask[:, outside] & NO_DATA))
        self.assertGreater(np.count_nonzero(mask[0] == 0), 700)

    def test_names(self):
        with self.assertRaisesRegex(ValueError, "unknown spectrograph 'bos': .* mean 'boss'"):
            SimulatedConfig(name="x", spectrograph="bos")


class ImageTest(tf.test.TestCase):
    def test_colours_are_those_of_the_spectrum(self):
        galaxies, spectra = model_galaxies(SimulatedConfig(name="x"), "train", range(30))
        sdss = survey("SDSS", BANDS)
        field = draw_field(sdss, 0, 0)
        quiet = dataclasses.replace(
            field, noise_sigma=(1e-6,) * len(BANDS), quantum=(1e-6,) * len(BANDS)
        )
        bright = dataclasses.replace(sdss, exposure_time=(1e9,) * len(BANDS))
        row = int(np.argmin(galaxies.half_light_radius))

        class Alone:
            """Offsets, and no neighbours."""

            def uniform(self, low, high, size=None):
                return np.zeros(size or ())

            def poisson(self, mean):
                return 0

            def standard_normal(self, shape, dtype):
                return np.zeros(shape, dtype)

        fluxes = spectra.fluxes[:, row]
        image = draw_image(galaxies, row, fluxes, quiet, bright, 64, Alone())
        measured = -2.5 * np.log10(image.sum(axis=(0, 1)))
        expected = -2.5 * np.log10(fluxes.sum(axis=0))
        self.assertAllClose(measured, expected, atol=0.06)
        self.assertAllClose(np.diff(measured), np.diff(expected), atol=0.02)

    def test_errors_of_magnitudes(self):
        sdss = survey("SDSS", BANDS)
        field = draw_field(sdss, 0, 0)
        rng = np.random.default_rng(1)
        fluxes = np.array([2.0, 10.0, 30.0, 40.0, 50.0])
        draws = [measure_magnitudes(fluxes, 2.0, field, sdss, rng) for _ in range(300)]
        magnitudes, errors = (np.array(part) for part in zip(*draws, strict=True))
        deviation = (magnitudes - (22.5 - 2.5 * np.log10(fluxes))) / errors
        # In flux the noise is normal; 300 draws: 0.2 is five standard errors.
        self.assertAllClose(deviation[:, 1:].std(axis=0), np.ones(4), atol=0.2)
        magnitudes, _ = measure_magnitudes(np.full(5, -1e6), 2.0, field, sdss, rng)
        self.assertAllEqual(magnitudes, [-9999] * 5)


class FileTest(tf.test.TestCase):
    def test_spectrum_scatters_about_the_truth(self):
        examples = [e for _, e in GalaxiesOfFile(SimulatedConfig(name="x"), None, "test", 0, 20)()]

        def stacked(name):
            return np.array([np.frombuffer(zlib.decompress(e[name]), "f4") for e in examples])

        spectrum, truth = stacked("spectrum"), stacked("true_spectrum")
        inverse_variance = stacked("inverse_variance")
        good = inverse_variance > 0
        chi2 = (inverse_variance * (spectrum - truth) ** 2)[good].mean()
        self.assertAllInRange(chi2, 0.95, 1.12)
        for example in examples:
            self.assertLess(
                abs(example["redshift"] - example["true_redshift"]), 6 * example["redshift_error"]
            )
        # The same galaxy from a file that begins elsewhere.
        (_, again), *_ = GalaxiesOfFile(SimulatedConfig(name="x"), None, "test", 7, 9)()
        self.assertEqual(again["spectrum"], examples[7]["spectrum"])
        self.assertEqual(again["image"], examples[7]["image"])


if __name__ == "__main__":
    tf.test.main()
