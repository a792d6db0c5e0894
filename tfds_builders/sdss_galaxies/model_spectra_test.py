"""Lines, dust, bandpasses, classes and spectra without noise."""

import numpy as np
import scipy.stats
import speclite.filters
import tensorflow as tf

from tfds_builders.sdss_galaxies import dust
from tfds_builders.sdss_galaxies.bandpasses import BANDS, band_fluxes
from tfds_builders.sdss_galaxies.configs import SimulatedConfig
from tfds_builders.sdss_galaxies.emission_lines import CLASSES, LINES, LineRatios, classify
from tfds_builders.sdss_galaxies.line_profiles import add_lines
from tfds_builders.sdss_galaxies.model_spectra import EQUIVALENT_WIDTHS
from tfds_builders.sdss_galaxies.simulated import model_galaxies
from tfds_builders.sdss_galaxies.wavelengths import REST_FRAME, WIDE, WITHIN_WIDE
from tfds_builders.simulation.redshifts import COSMOLOGY, FluxLimitedSample


class BinsTest(tf.test.TestCase):
    def test_range(self):
        self.assertAllClose(REST_FRAME.edges[[0, -1]], 10 ** np.array([3.53, 3.92]))
        self.assertAllClose(WIDE.edges[WITHIN_WIDE], REST_FRAME.edges[:-1])
        self.assertAllClose(REST_FRAME.place(REST_FRAME.edges), np.arange(1001), atol=1e-8)


class LinesTest(tf.test.TestCase):
    def test_flux_is_kept_and_profile_is_normal(self):
        spectra = np.zeros((2, REST_FRAME.number))
        widths = np.array([[20.0], [2000.0]])
        add_lines(spectra, REST_FRAME, np.array([5000.0]), np.array([[3.0], [3.0]]), widths)
        flux = spectra * REST_FRAME.widths
        self.assertAllClose(flux.sum(axis=1), [3.0, 3.0], rtol=1e-5)
        sigma = np.log10(np.e) * 2000.0 / 299792.458
        edges = np.log10(REST_FRAME.edges)
        expected = 3.0 * np.diff(scipy.stats.norm(np.log10(5000.0), sigma).cdf(edges))
        self.assertAllClose(flux[1], expected, atol=1e-6)

    def test_line_at_the_edge_loses_what_lies_outside(self):
        spectra = np.zeros((1, REST_FRAME.number))
        places = np.array([REST_FRAME.edges[0], 9000.0])
        add_lines(spectra, REST_FRAME, places, np.ones((1, 2)), np.full((1, 2), 500.0))
        self.assertAllClose(np.sum(spectra * REST_FRAME.widths), 0.5, rtol=1e-5)

    def test_classes(self):
        # Two points on each side of the curves of Kauffmann, Kewley and Schawinski.
        nitrogen = np.array([-0.6, -0.2, 0.0, 0.2, 0.0, 0.5])
        oxygen = np.array([-0.3, -0.1, 0.9, 0.2, 0.9, 0.2])
        width = np.array([20.0, 20.0, 20.0, 20.0, 1.0, 20.0])
        labels = classify(nitrogen, oxygen, width, np.zeros(6, bool))
        names = ["star_forming", "composite", "seyfert", "liner", "quiescent", "liner"]
        self.assertEqual([CLASSES[label] for label in labels], names)
        self.assertAllEqual(
            classify(nitrogen, oxygen, width, np.ones(6, bool)), [CLASSES.index("broad_line")] * 6
        )

    def test_ratios(self):
        zero = np.zeros(1)
        ratios = LineRatios(zero - 0.5, zero + 0.2, zero - 0.4, zero - 1.0, zero + 0.5)
        flux = dict(zip(LINES, ratios.fluxes()[0], strict=True))
        self.assertAllClose(np.log10(flux["NII_6585"] / flux["H_alpha"]), -0.5)
        self.assertAllClose(np.log10(flux["OIII_5008"] / flux["H_beta"]), 0.2)
        self.assertAllClose(np.log10((flux["SII_6718"] + flux["SII_6733"]) / flux["H_alpha"]), -0.4)


class DustTest(tf.test.TestCase):
    def test_milky_way(self):
        # A / A_V of the effective wavelengths in table 3 of Cardelli, Clayton & Mathis: B 1.337.
        self.assertAllClose(dust.milky_way(1e4 / 1.82), 3.1, rtol=1e-6)
        self.assertAllClose(dust.milky_way(4400.0) / 3.1, 1.324, atol=0.015)
        # It is continuous where optical and infrared meet.
        self.assertAllClose(dust.milky_way(9090.0), dust.milky_way(9092.0), rtol=0.01)

    def test_calzetti(self):
        self.assertAllClose(dust.calzetti(5500.0), 4.05, rtol=0.01)
        self.assertAllClose(dust.calzetti(6299.9), dust.calzetti(6300.1), rtol=0.01)
        # Reddening by E(B-V) is the difference between 4400 and 5500 A.
        self.assertAllClose(dust.calzetti(4400.0) - dust.calzetti(5500.0), 1.0, atol=0.08)


class SpectraTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = SimulatedConfig(name="x")
        cls.galaxies, cls.spectra = model_galaxies(cls.config, "train", range(200))

    def test_bands_against_speclite(self):
        filters = speclite.filters.load_filters(*(f"sdss2010-{band}" for band in BANDS))
        for row in range(3):
            redshift = self.galaxies.redshift[row]
            wavelength = WIDE.centres * (1 + redshift)
            flux, wavelength = filters.pad_spectrum(self.spectra.total[row] * 1e-17, wavelength)
            table = filters.get_ab_magnitudes(flux, wavelength)
            expected = np.array([table[name][0] for name in filters.names])
            fluxes = self.spectra.fluxes[:, row].sum(axis=0)
            self.assertAllClose(22.5 - 2.5 * np.log10(fluxes), expected, atol=0.01)

    def test_magnitude_in_r(self):
        bare = band_fluxes(self.spectra.total[None], WIDE, self.galaxies.redshift)[0]
        observed = 22.5 - 2.5 * np.log10(bare[:, BANDS.index("r")])
        extinction = observed - self.galaxies.magnitude
        # A_r / E(B-V) is 2.6 to 2.8 in the Galaxy.
        ratio = extinction / self.galaxies.galactic_reddening
        self.assertAllInRange(ratio, 2.5, 2.9)

    def test_equivalent_widths_are_those_of_the_spectrum(self):
        column = list(EQUIVALENT_WIDTHS).index("OIII")
        widths = self.spectra.equivalent_widths[:, column]
        strong = np.flatnonzero((widths > 40) & ~self.galaxies.is_broad)
        self.assertGreater(len(strong), 1)
        centres = WIDE.centres
        line = np.abs(centres - 5008.24) < 25
        beside = (np.abs(centres - 5008.24) > 28) & (np.abs(centres - 5008.24) < 34)
        light = self.spectra.total[strong]
        continuum = light[:, beside].mean(axis=1, keepdims=True)
        measured = np.sum((light / continuum - 1)[:, line] * WIDE.widths[line], axis=1)
        # The iron line at 5016 A takes part of it.
        self.assertAllClose(measured, widths[strong], rtol=0.07)

    def test_old_galaxies_have_large_breaks_and_no_lines(self):
        quiescent = self.spectra.label == CLASSES.index("quiescent")
        forming = self.spectra.label == CLASSES.index("star_forming")
        break_4000 = self.spectra.break_4000
        self.assertGreater(np.median(break_4000[quiescent]), 1.7)
        self.assertLess(np.median(break_4000[forming]), 1.55)
        h_alpha = self.spectra.equivalent_widths[:, list(EQUIVALENT_WIDTHS).index("H_alpha")]
        self.assertLess(h_alpha[quiescent].max(), 1.5)
        # Every class is there.
        self.assertAllEqual(np.unique(self.spectra.label), np.arange(len(CLASSES)))

    def test_a_galaxy_does_not_depend_on_its_neighbours_in_the_file(self):
        _, alone = model_galaxies(self.config, "train", range(7, 8))
        self.assertAllEqual(alone.total[0], self.spectra.total[7])
        self.assertAllEqual(alone.fluxes[:, 0], self.spectra.fluxes[:, 7])


class FluxLimitTest(tf.test.TestCase):
    def test_limits_and_median(self):
        uniform = np.random.default_rng(0).random((2, 4000))
        sample = FluxLimitedSample(14.0, 17.77, 0.36)
        redshift, magnitude = sample.draw(*uniform)
        self.assertAllInRange(magnitude, 14.0, 17.77)
        # The median of the main sample is 0.10 (Strauss et al. 2002).
        self.assertAllInRange(np.median(redshift), 0.085, 0.115)
        modulus = COSMOLOGY.distmod(redshift).value
        absolute = sample.absolute_magnitude(redshift, magnitude)
        self.assertAllClose(magnitude - absolute, modulus + 1.1 * redshift, atol=0.1)


if __name__ == "__main__":
    tf.test.main()
