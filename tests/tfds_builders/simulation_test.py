"""The simulated sky against published relations, GalSim's own moments and closed forms."""

import dataclasses

import galsim
import numpy as np
import tensorflow as tf
from scipy import stats
from sklearn import metrics

from tfds_builders.compression import compress
from tfds_builders.simulation import photometry
from tfds_builders.simulation.catalogue import Sky, simulate, simulate_many
from tfds_builders.simulation.colours import galaxy_colours, star_colours
from tfds_builders.simulation.drawing import draw_stamp, nearest_neighbour, place_sources
from tfds_builders.simulation.observation import FIELDS, SDSS_DEPTH, draw_field, median_noise
from tfds_builders.simulation.population import (
    Object,
    class_fractions,
    draw_object,
    surface_density,
)
from tfds_builders.surveys import asinh_magnitude, flux_from_magnitude, survey

SDSS = survey("SDSS", tuple("ugriz"))
_ENDLESS_EXPOSURE = dataclasses.replace(SDSS, exposure_time=(1e20,) * 5)
SKY = Sky(SDSS, size=64, bright=17.0, faint=22.5, seed=0)
R = 2


class _NoNeighbours:
    """A generator of random numbers that never finds a neighbour."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)

    def poisson(self, mean):
        return 0

    def __getattr__(self, name):
        return getattr(self._rng, name)


def point(magnitude):
    return Object(label=0, magnitude=np.full(5, float(magnitude)))


def stamp(source, field, seed=0):
    return draw_stamp(source, field, SDSS, 64, _NoNeighbours(seed))


class ColoursTest(tf.test.TestCase):
    def test_locus_closes_and_passes_known_stars(self):
        colours = star_colours(np.array([0.6, 1.0, 2.5]))
        # Covey+07, table 3: g-r and i-z of the median locus at these g-i.
        self.assertAllClose(colours[:, 1], [0.44, 0.73, 1.42], atol=0.03)
        self.assertAllClose(colours[:, 3] - colours[:, 4], [0.04, 0.12, 0.57], atol=0.04)
        self.assertAllClose(colours[:, 1] - colours[:, 3], [0.6, 1.0, 2.5], atol=1e-9)

    def test_drawn_stars_scatter_about_the_locus(self):
        rng = np.random.default_rng(0)
        objects = [draw_object(rng, 17, 22) for _ in range(2000)]
        stars = np.array([each.magnitude for each in objects if each.label == 0])
        g_i, r_i = stars[:, 1] - stars[:, 3], stars[:, 2] - stars[:, 3]
        offset = r_i + star_colours(g_i)[:, 3]
        self.assertLess(abs(np.median(offset)), 0.01)
        self.assertBetween(1.4826 * np.median(np.abs(offset)), 0.01, 0.04)

    def test_galaxy_colours_are_those_of_the_spectra(self):
        # Fukugita+95, table 3: an elliptical at rest and an irregular, g-r within 0.1 mag.
        self.assertNear(galaxy_colours(0, 0)[1], 0.77, 0.1)
        self.assertNear(galaxy_colours(3, 0)[1], 0.20, 0.1)
        # The 4000 Angstrom break passes through g, then r.
        self.assertGreater(galaxy_colours(0, 0.35)[1], 1.3)
        self.assertGreater(-galaxy_colours(0, 0.7)[3], 0.9)
        middle = 0.5 * (galaxy_colours(0, 0.3) + galaxy_colours(1, 0.3))
        self.assertAllClose(galaxy_colours(0.5, 0.3), middle)


class PopulationTest(tf.test.TestCase):
    def test_counts_are_the_integral_of_the_slope(self):
        rng = np.random.default_rng(1)
        objects = [draw_object(rng, 18, 22) for _ in range(3000)]
        labels = np.array([each.label for each in objects])
        # Binomial, four sigma.
        galaxies = class_fractions(18, 22)[1]
        error = np.sqrt(galaxies * (1 - galaxies) / len(labels))
        self.assertNear(labels.mean(), galaxies, 4 * error)
        for label, name in enumerate(("star", "galaxy")):
            r = [each.magnitude[R] for each in objects if each.label == label]
            total = surface_density(name, 18, 22)

            def share(x, name=name, total=total):
                return np.array([surface_density(name, 18, m) / total for m in x])

            test = stats.kstest(r, share)
            self.assertGreater(test.pvalue, 1e-4)

    def test_galaxies_are_smaller_and_farther_when_fainter(self):
        rng = np.random.default_rng(2)
        bright, faint = (
            [each for _ in range(1500) if (each := draw_object(rng, *limits)).label]
            for limits in ((18.4, 18.8), (22.2, 22.6))
        )
        sizes = [np.median([each.half_light_radius for each in group]) for group in (bright, faint)]
        # COSMOS at I = 18 and 21.75: 1.0 and 0.42 arcsec.
        self.assertAllClose(sizes, [1.0, 0.42], rtol=0.15)
        redshifts = [np.median([each.redshift for each in group]) for group in (bright, faint)]
        self.assertAllClose(redshifts, [0.2, 0.6], rtol=0.2)


class ObservationTest(tf.test.TestCase):
    def test_seeing_is_that_of_the_survey(self):
        seeing = np.array(
            [draw_field(SDSS, seed, i).seeing for seed in range(6) for i in range(FIELDS)]
        )
        self.assertAllClose(np.median(seeing, axis=0), SDSS.psf_fwhm, rtol=0.05)
        self.assertTrue(np.all(np.diff(np.median(seeing, axis=0)) < 0))
        # 0.05 from field to field and 0.03 from band to band; 96 fields know it to 7 %.
        self.assertAllClose(np.std(np.log(seeing), axis=0), [np.hypot(0.05, 0.03)] * 5, rtol=0.25)
        survey_wide = [draw_field(SDSS, 0, i, seeing_scatter=0.12).seeing for i in range(96)]
        self.assertAllClose(
            np.std(np.log(survey_wide), axis=0), [np.hypot(0.12, 0.03)] * 5, rtol=0.25
        )

    def test_psf_is_as_wide_as_it_says(self):
        field = draw_field(SDSS, 0, 3)
        bright = point(14.0)
        image = stamp(bright, field)[:, :, R].astype(float)
        moments = galsim.hsm.FindAdaptiveMom(galsim.Image(image, scale=SDSS.pixel_scale))
        kolmogorov = galsim.Kolmogorov(fwhm=field.seeing[R])
        expected = galsim.hsm.FindAdaptiveMom(
            kolmogorov.drawImage(nx=64, ny=64, scale=SDSS.pixel_scale, method="no_pixel")
        )
        self.assertAllClose(moments.moments_sigma, expected.moments_sigma, rtol=0.01)
        self.assertNear(moments.moments_centroid.x, 32.5, 0.6)

    def test_same_images_as_galsim_draws(self):
        field = draw_field(SDSS, 0, 3)
        silent = dataclasses.replace(field, noise_sigma=(0.0,) * 5, quantum=(2.0**-40,) * 5)
        for radius, index, ratio in ((0, 0, 1), (0.5, 0.5, 0.6), (0.9, 1, 0.2), (1.5, 4, 0.5)):
            with self.subTest(index=index):
                source = Object(1, np.full(5, 22.5), radius, index, 1 - ratio, 0.7)
                image = draw_stamp(source, silent, _ENDLESS_EXPOSURE, 64, _NoNeighbours(1))
                x, y = np.random.default_rng(1).uniform(-0.5, 0.5, size=2)
                seen = field.psf(R)
                if radius:
                    end = 8 * radius if index > 1 else 0
                    profile = galsim.Sersic(index, half_light_radius=radius, trunc=end)
                    seen = galsim.Convolve(profile.shear(q=ratio, beta=0.7 * galsim.radians), seen)
                expected = seen.drawImage(
                    nx=64, ny=64, scale=SDSS.pixel_scale, offset=(x, y), method="no_pixel"
                )
                difference = image[:, :, R] - expected.array
                # Shares of the flux of 1 nanomaggy.
                self.assertLess(np.abs(difference).sum(), 0.01)
                self.assertLess(np.abs(difference).max(), 1e-3)

    def test_noise_has_the_depth_of_the_survey(self):
        field = draw_field(SDSS, 0, 0)
        image = stamp(point(40.0), field)
        # Relative error of a standard deviation from 4096 pixels is 1.1 %: four sigma.
        self.assertAllClose(image.std(axis=(0, 1)), field.noise_sigma, rtol=0.045)
        self.assertAllLess(np.abs(image.mean(axis=(0, 1))) / field.noise_sigma, 4 / 64)
        psf = galsim.Kolmogorov(fwhm=SDSS.psf_fwhm[R])
        weights = psf.drawImage(nx=65, ny=65, scale=SDSS.pixel_scale, method="no_pixel").array
        error = median_noise(SDSS)[R] / np.sqrt(np.sum(weights.astype(float) ** 2))
        self.assertAllClose(flux_from_magnitude(SDSS_DEPTH[R]) / error, 5.0, rtol=1e-3)

    def test_pixels_are_multiples_of_the_quantum(self):
        field = draw_field(SDSS, 0, 1)
        steps = stamp(point(20.0), field).astype(float) / field.quantum
        self.assertAllEqual(steps, np.round(steps))


class PhotometryTest(tf.test.TestCase):
    def test_psf_flux_of_stars_is_unbiased_with_the_expected_error(self):
        field = draw_field(SDSS, 0, 2)
        source = point(20.5)
        fluxes = np.array(
            [
                photometry.measure_fluxes(stamp(source, field, seed), field, SDSS)[0]
                for seed in range(150)
            ]
        )
        truth = flux_from_magnitude(source.magnitude)
        psf = field.psf(R).drawImage(nx=64, ny=64, scale=SDSS.pixel_scale, method="no_pixel").array
        squares = float(np.sum(psf.astype(float) ** 2))
        error = field.noise_sigma[R] / np.sqrt(squares)
        self.assertNear(fluxes[:, R].mean(), truth[R], 4 * error / np.sqrt(150) + 0.005 * truth[R])
        self.assertBetween(fluxes[:, R].std() / error, 0.8, 1.35)

    def test_model_flux_of_galaxies(self):
        field = draw_field(SDSS, 0, 2)
        for index, tolerance in ((1.0, 0.07), (4.0, 0.2)):
            source = Object(1, np.full(5, 17.0), 1.2, index, 0.4, 0.3, 0.1)
            # The noise of one stamp is 2 % in z.
            psf_flux, model_flux = np.mean(
                [
                    photometry.measure_fluxes(stamp(source, field, seed), field, SDSS)
                    for seed in range(8)
                ],
                axis=0,
            )
            truth = flux_from_magnitude(source.magnitude)
            self.assertAllClose(model_flux / truth, np.ones(5), atol=tolerance)
            self.assertAllLess(psf_flux / truth, 0.75)

    def test_asinh_magnitudes(self):
        magnitude = np.array([18.0, 20.0, 19.5, 17.0, 16.0])
        self.assertAllClose(asinh_magnitude(flux_from_magnitude(magnitude)), magnitude, atol=2e-3)
        # SDSS, table of the zero-flux magnitudes: 24.63 25.11 24.80 24.36 22.83.
        self.assertAllClose(
            asinh_magnitude(np.zeros(5)), [24.63, 25.11, 24.80, 24.36, 22.83], atol=0.01
        )


class CatalogueTest(tf.test.TestCase):
    def test_same_bytes_for_any_number_of_processes(self):
        indices = list(range(70))
        one = dict(simulate_many(SKY, indices, processes=1))
        two = dict(simulate_many(SKY, indices, processes=2))
        self.assertEqual(list(one), list(two))
        for index in indices:
            for name, value in one[index].items():
                self.assertAllEqual(value, two[index][name], f"{name} of {index}")

    def test_crowded_fields(self):
        # 18 neighbours within the reach of a stamp, less those within the closest distance.
        draws = [np.random.default_rng(index) for index in range(150)]
        placed = [place_sources(point(22), SDSS, 64, rng, 20.0, 2.5) for rng in draws]
        numbers = np.array([len(sources) - 1 for sources in placed])
        density = sum(surface_density(name, 16.0, 22.5) for name in ("star", "galaxy"))
        expected = 20 * density * ((64 * SDSS.pixel_scale + 4) / 3600) ** 2
        close = 20 * density * np.pi * 3.5**2 / 3600**2
        self.assertNear(numbers.mean(), expected - close, 5 * np.sqrt(expected / 150))
        distances = [nearest_neighbour(sources, SDSS.pixel_scale) for sources in placed]
        self.assertGreater(min(distances) * SDSS.pixel_scale, 2.5 - 0.3)
        self.assertGreater(np.mean(np.array(distances) < 15), 0.3)
        self.assertEqual(nearest_neighbour(placed[0][:1], 0.4), np.inf)
        example = simulate(dataclasses.replace(SKY, crowding=20.0, closest=2.5), 5)
        plain = simulate(SKY, 5)
        self.assertAllEqual(example["magnitude"], plain["magnitude"])
        self.assertGreater(np.mean(example["image"] != plain["image"]), 0.5)

    def test_an_object_depends_on_its_index_and_seed_alone(self):
        first = simulate(SKY, 5)
        simulate(SKY, 6)
        self.assertEqual(compress(simulate(SKY, 5)["image"]), compress(first["image"]))
        other = Sky(SDSS, 64, 17.0, 22.5, seed=1)
        self.assertNotAllClose(simulate(other, 5)["image"], first["image"])

    def test_faint_galaxies_look_like_stars(self):
        examples = [example for _, example in simulate_many(SKY, range(600), processes=1)]
        labels = np.array([example["label"] for example in examples])
        separation = np.array(
            [example["psf_magnitude"][R] - example["model_magnitude"][R] for example in examples]
        )
        faint = np.array([example["magnitude"][R] for example in examples]) > 21.5
        # Of 10,000 objects: 0.92 to 0.93 of all, 0.83 of the faint; standard errors here are 0.012
        # and 0.024.
        self.assertBetween(metrics.roc_auc_score(labels, separation), 0.88, 0.97)
        self.assertBetween(metrics.roc_auc_score(labels[faint], separation[faint]), 0.73, 0.92)

    def test_neighbours_have_the_density_of_the_counts(self):
        field = draw_field(SDSS, 0, 0)
        peaks = 0
        faint = point(40.0)
        for seed in range(60):
            image = draw_stamp(faint, field, SDSS, 64, np.random.default_rng(seed))[:, :, R]
            peaks += bool(image.max() > 8 * field.noise_sigma[R])
        # Some stamps have one, not all.
        self.assertBetween(peaks, 10, 50)


if __name__ == "__main__":
    tf.test.main()
