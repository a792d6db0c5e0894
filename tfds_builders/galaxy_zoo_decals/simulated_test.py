"""The simulated sky and volunteers against closed forms, GalSim, TFP and the real images."""

import galsim
import numpy as np
import PIL.Image
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from tests import galaxy_data
from tfds_builders.galaxy_zoo_decals import structures
from tfds_builders.galaxy_zoo_decals.configs import SimulatedConfig
from tfds_builders.galaxy_zoo_decals.hubble_type import bulge_of_type, hubble_type, type_of_bulge
from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.rgb import resampled, stretched
from tfds_builders.galaxy_zoo_decals.scene import galaxy_lights
from tfds_builders.galaxy_zoo_decals.simulated import SimulatedGalaxies, Sky, observe
from tfds_builders.galaxy_zoo_decals.structures import SIDE, Canvas
from tfds_builders.galaxy_zoo_decals.truth import Truth, draw_truth
from tfds_builders.galaxy_zoo_decals.volunteers import (
    CONCENTRATION,
    clarity,
    draw_votes,
    expected_fractions,
)
from tfds_builders.simulation.legacy_surveys import CAMERAS, Exposure
from tfds_builders.surveys import flux_from_magnitude

NUMBERS = {
    "redshift": 0.05,
    "absolute_magnitude": -21.0,
    "magnitude": 15.5,
    "radius": 4.0,
    "axis_ratio": 0.7,
    "position_angle": 0.4,
    "sersic_index": 1.0,
    "bulge_fraction": 0.0,
}
FACE_ON = {
    "smooth-or-featured": "featured-or-disk",
    "merging": "none",
    "disk-edge-on": "no",
    "has-spiral-arms": "no",
    "bar": "no",
    "bulge-size": "none",
}
SMOOTH = {"smooth-or-featured": "smooth", "merging": "none", "how-rounded": "in-between"}


def truth(answers, **numbers):
    return Truth(answers, "", **NUMBERS | numbers)


class TruthTest(tf.test.TestCase):
    def test_disk_in_closed_form(self):
        # Half and 90 % of the light of exp(-r/h) lie within 1.678 h and 3.890 h.
        disk = truth(FACE_ON)
        self.assertAllClose(disk.scale_length, 4.0 / 1.67835, rtol=1e-3)
        self.assertAllClose(disk.petrosian, (4.0, 4.0 * 3.8897 / 1.67835), rtol=2e-3)

    def test_population(self):
        drawn = [draw_truth(_sky_rng(index)) for index in range(1500)]
        galaxies = [each for each in drawn if not each.artefact]
        self.assertAllInRange([each.magnitude for each in galaxies], 13.5, 17.77)
        self.assertAllInRange([each.redshift for each in galaxies], 0.0, 0.15)
        # Counts of a uniform space: 10^(0.6 m), a little less for the limits in size and redshift.
        bright = np.array([each.magnitude for each in galaxies])
        self.assertBetween(np.mean(bright > 17.0), 0.40, 0.70)
        for question, (place, names) in {
            each.name: (index, each.answers) for index, each in enumerate(GZD5.questions)
        }.items():
            seen = np.array([each.indices[place] for each in drawn])
            wanted = len(names) - (question == "spiral-arm-count")
            self.assertAllEqual(np.unique(seen[seen >= 0]), np.arange(wanted))
            for each in drawn:
                asked = next(q for q in GZD5.questions if q.name == question).parents
                answers = {f"{name}_{answer}" for name, answer in each.answers.items()}
                if question in each.answers and asked:
                    self.assertTrue(answers & set(asked))


class HubbleTypeTest(tf.test.TestCase):
    def test_bulges_are_those_of_the_published_relation(self):
        # The polynomial of Simien & de Vaucouleurs, in magnitudes below the whole galaxy.
        polynomial = np.polynomial.Polynomial([0.0, 0.324, -0.054, 0.0047])
        types = np.arange(-5.0, 11.0)
        below = -2.5 * np.log10(bulge_of_type(types))
        self.assertAllClose(below, polynomial(types + 5))
        self.assertAllClose(type_of_bulge(bulge_of_type(types)), types, atol=1e-4)
        for fraction in (0.05, 0.2, 0.4, 0.7):
            roots = (polynomial + 2.5 * np.log10(fraction)).roots()
            (root,) = roots[np.abs(roots.imag) < 1e-9].real
            self.assertAllClose(type_of_bulge(fraction), root - 5, atol=1e-3)
        self.assertAllEqual(type_of_bulge([0.0, 1.0]), [10.0, -5.0])

    def test_kinds_of_galaxies(self):
        indices = (1.0, 2.0, 4.0)
        smooth = [hubble_type(truth(SMOOTH, sersic_index=n, bulge_fraction=1.0)) for n in indices]
        self.assertAllClose(smooth, [-3.0, -4.0, -5.0])
        arms = FACE_ON | {"has-spiral-arms": "yes", "spiral-arm-count": "2"}
        tight, medium, loose = (
            hubble_type(truth(arms, bulge_fraction=0.2, arm_number=2, pitch_angle=pitch))
            for pitch in (10.0, 19.0, 31.0)
        )
        self.assertAllClose((tight, loose), (medium - 0.75, medium + 1.0))
        self.assertAllClose(bulge_of_type(medium), 0.2, rtol=1e-3)
        self.assertAllClose(hubble_type(truth(FACE_ON, bulge_fraction=0.2)), medium)
        star = Truth({"smooth-or-featured": "artifact"}, "star", **NUMBERS)
        self.assertTrue(np.isnan(hubble_type(star)))

    def test_all_types_occur_and_spirals_are_no_early_types(self):
        drawn = [draw_truth(_sky_rng(index)) for index in range(600)]
        types = np.array([hubble_type(each) for each in drawn])
        self.assertAllEqual(np.isnan(types), [bool(each.artefact) for each in drawn])
        counts, _ = np.histogram(types[np.isfinite(types)], np.arange(-5.0, 11.0))
        self.assertEqual(counts.sum(), np.isfinite(types).sum())
        # No bulge has about half of the light, so that T between -2 and -1 is empty.
        self.assertAllEqual(np.flatnonzero(counts == 0), [3])
        self.assertAllInRange(types[[each.arm_number > 0 for each in drawn]], 0.0, 10.0)


class StructuresTest(tf.test.TestCase):
    def spectrum(self, image, canvas, scale_length, number, turns):
        """Returns the strength of m logarithmic arms for each of `turns`, m / tan(pitch)."""
        y, x = (np.indices((SIDE, SIDE)) - (SIDE - 1) / 2) * canvas.pixel_scale
        radius = np.hypot(x, y) / scale_length
        ring = (radius > 1.0) & (radius < 3.0)
        phase = number * np.arctan2(y, x)[ring] - np.outer(turns, np.log(radius[ring]))
        weights = image[ring] * np.exp(radius[ring])
        return np.abs(np.exp(-1j * phase) @ weights) / weights.sum()

    def test_arms_are_counted_by_their_fourier_mode_and_wind_as_they_should(self):
        canvas = Canvas(10.0, 1.0, 0.0)
        for number, pitch, sense in ((1, 12, 1), (2, 10, -1), (3, 20, 1), (4, 19, -1), (5, 33, 1)):
            with self.subTest(number=number, pitch=pitch):
                rng = np.random.default_rng(number)
                image = structures.arms(canvas, 2.0, number, pitch, 0.4, sense, rng)
                self.assertAllClose(image.sum(), 1.0, rtol=1e-5)
                turns = np.linspace(-14, 14, 113)
                strength = [self.spectrum(image, canvas, 2.0, m, turns) for m in range(1, 8)]
                modes = np.max(strength, axis=1)
                self.assertEqual(1 + int(np.argmax(modes)), number)
                best = turns[np.argmax(strength[number - 1])]
                self.assertEqual(np.sign(best), sense)
                measured = np.degrees(np.arctan(number / np.abs(best)))
                self.assertAllClose(measured, pitch, atol=2.0)

    def test_bar_and_ring(self):
        canvas = Canvas(10.0, 1.0, 0.0)
        image = structures.bar(canvas, 4.0, 0.25, 0.6)
        y, x = (np.indices((SIDE, SIDE)) - (SIDE - 1) / 2) * canvas.pixel_scale
        xx, yy, xy = ((image * each).sum() for each in (x * x, y * y, x * y))
        self.assertAllClose(0.5 * np.arctan2(2 * xy, xx - yy), 0.6, atol=0.01)
        ratio = np.linalg.eigvalsh([[xx, xy], [xy, yy]])
        self.assertAllClose(np.sqrt(ratio[0] / ratio[1]), 0.25, atol=0.01)
        # Seen at 60 degrees the ring is an ellipse of axis ratio a half.
        flat = Canvas(10.0, 0.5, 0.3)
        image = structures.ring(flat, 5.0, 0.5, np.random.default_rng(0))
        along, across = flat.sky()
        second = np.sqrt([(image * each**2).sum() for each in (along, across)])
        self.assertAllClose(second[1] / second[0], 0.5, atol=0.03)
        self.assertAllClose(second[0], 5.0 / np.sqrt(2), rtol=0.05)

    def test_disk_from_the_side(self):
        canvas = Canvas(10.0, 1.0, 0.0)
        image = structures.edge_on_disk(canvas, 2.0, 0.6)
        # Across the disk sech^2, whose second moment is (pi z_0)^2 / 12.
        _, across = canvas.sky()
        self.assertAllClose((image * across**2).sum(), (np.pi * 0.6) ** 2 / 12, rtol=0.01)
        # Its projection on the plane is that of exp(-R/h) along the line of sight.
        depth = np.linspace(-40, 40, 8001)
        line = [np.exp(-np.hypot(x, depth) / 2.0).sum() for x in (1.0, 4.0)]
        places = (np.arange(SIDE) - (SIDE - 1) / 2) * canvas.pixel_scale
        seen = np.interp((1.0, 4.0), places, image.sum(axis=0))
        self.assertAllClose(seen[1] / seen[0], line[1] / line[0], rtol=0.02)

    def test_tail_points_where_it_should(self):
        canvas = Canvas(20.0, 1.0, 0.0)
        image = structures.tail(canvas, (3.0, 0.0), 4.0, 1.2, 0.5)
        y, x = (np.indices((SIDE, SIDE)) - (SIDE - 1) / 2) * canvas.pixel_scale
        self.assertGreater((image * x).sum(), 1.0)
        self.assertGreater((image * y).sum(), 1.0)
        self.assertLess(image[(x < -2) & (y < -2)].sum(), 1e-3)


class ObservationTest(tf.test.TestCase):
    def test_smooth_galaxies_are_those_of_galsim(self):
        for index, ratio, name in ((1.0, 0.3, "decals"), (4.0, 0.9, "bass_mzls")):
            galaxy = truth(SMOOTH, sersic_index=index, axis_ratio=ratio, bulge_fraction=1.0)
            lights = galaxy_lights(galaxy, np.random.default_rng(0))
            camera = CAMERAS[name]
            quiet = Exposure(camera, camera.psf_fwhm, (1e-12,) * 3)
            rng = np.random.default_rng(0)
            images = observe(Sky(galaxy, lights), quiet, 40.0, rng, rng)
            for band, image in enumerate(images):
                scale = camera.pixel_scale[band]
                profile = galsim.Sersic(index, half_light_radius=4.0 * ratio**0.5)
                profile = profile.shear(q=ratio, beta=0.4 * galsim.radians)
                psf = galsim.Moffat(3.5, fwhm=camera.psf_fwhm[band])
                side = len(image)
                expected = galsim.Convolve(profile, psf).drawImage(nx=side, ny=side, scale=scale)
                flux = lights[0].flux[band] * camera.response(lights[0].g_i)[band]
                difference = np.abs(image / flux - expected.array).sum()
                self.assertLess(difference, 0.01 if index == 1 else 0.06)
                moments = [
                    galsim.hsm.FindAdaptiveMom(galsim.Image(np.array(each, float), scale=scale))
                    for each in (image, expected.array)
                ]
                for component in ("g1", "g2"):
                    one, other = (getattr(each.observed_shape, component) for each in moments)
                    self.assertAllClose(one, other, atol=0.004)
                self.assertAllClose(moments[0].moments_sigma, moments[1].moments_sigma, rtol=0.01)

    def test_a_source_at_the_depth_has_five_sigma(self):
        for camera in CAMERAS.values():
            for band, depth in enumerate(camera.depth):
                psf = galsim.Moffat(3.5, fwhm=camera.psf_fwhm[band])
                image = psf.drawImage(nx=65, ny=65, scale=camera.pixel_scale[band]).array
                signal = flux_from_magnitude(depth) * np.sqrt(np.sum(image.astype(float) ** 2))
                self.assertAllClose(signal / camera.noise_sigma(band), 5.0, rtol=5e-3)

    def test_stretch_and_resampling(self):
        low, high = np.arcsinh(-0.5), np.arcsinh(300.0)
        grey = np.array([0.008, 0.014, 0.019])[:, None, None] * np.array([[0.0, 1.0, 50.0, 400.0]])
        expected = (np.arcsinh([0.0, 1.0, 50.0, 400.0]) - low) / (high - low)
        picture = stretched(grey)
        # Where the bands are equal, no colour is to be taken out; white is cut off.
        weight = np.sin(np.pi / 2 * 0.6)
        rest = (1 - weight) ** 2 * expected**2
        expected = np.minimum(expected + rest, 1.0)
        self.assertAllClose(picture[0, :, 0], np.floor(255 * expected), atol=1)
        self.assertAllEqual(picture[0, :, 0], picture[0, :, 2])
        y, x = (np.indices((61, 61)) - 30) * 0.262
        blob = np.exp(-(x**2 + 2 * y**2) / 8)
        y, x = (np.indices((80, 80)) - 39.5) * 0.1
        self.assertAllClose(
            resampled(blob, 0.262, 80, 0.1), np.exp(-(x**2 + 2 * y**2) / 8), atol=0.01
        )

    def test_sky_is_that_of_the_real_images(self):
        folder = galaxy_data.path("galaxy_zoo_decals")
        paths = sorted(folder.glob("*/*/*.png"))

        def sky(image):
            pixels = np.concatenate([image[:60], image[-60:]]).reshape(-1, 3).astype(float)
            level = np.median(pixels, axis=0)
            return [*level, *1.4826 * np.median(np.abs(pixels - level), axis=0)]

        real = np.median([sky(np.asarray(PIL.Image.open(path))) for path in paths], axis=0)
        galaxies = SimulatedGalaxies(SimulatedConfig(name="x", image_size=424, crop=1.0))
        drawn = [sky(galaxies.draw(index)["image"]) for index in range(12)]
        # Levels and noise of the stretched images, in counts of 255.
        self.assertAllClose(np.median(drawn, axis=0)[:3], real[:3], atol=2.0)
        self.assertAllClose(np.median(drawn, axis=0)[3:], real[3:], rtol=0.35)

    def test_both_surveys_see_about_the_same_brightness_and_colour(self):
        decals, bass = (
            SimulatedGalaxies(SimulatedConfig(name="x", image_size=48, survey=survey))
            for survey in ("decals", "bass_mzls")
        )
        drawn = [index for index in range(40) if draw_truth(_sky_rng(index)).artefact == ""][:8]
        centres = [
            [each.draw(index)["image"][18:30, 18:30].mean(axis=(0, 1)) for index in drawn]
            for each in (decals, bass)
        ]
        # The better seeing of DECaLS makes centres a little brighter; colour terms are small.
        self.assertAllClose(*np.mean(centres, axis=1), rtol=0.1)

    def test_each_galaxy_follows_from_its_index_alone(self):
        config = SimulatedConfig(name="x", image_size=32)
        first = SimulatedGalaxies(config).draw(7)
        others = SimulatedGalaxies(config)
        others.draw(3)
        again = others.draw(7)
        self.assertEqual(first.keys(), again.keys())
        for name, value in first.items():
            self.assertAllEqual(value, again[name])


def _sky_rng(index):
    return np.random.default_rng((0, 0, index))


class VolunteersTest(tf.test.TestCase):
    def test_votes_have_the_moments_of_a_dirichlet_multinomial(self):
        expected = expected_fractions(truth(FACE_ON | {"bar": "strong"}, bar_length=1.5))
        rng = np.random.default_rng(0)
        votes = np.array([draw_votes(expected, 40, rng) for _ in range(3000)])
        root = votes[:, :3]
        p = expected[:3]
        # The mixture over Poisson numbers of volunteers.
        number = np.arange(1, 120, dtype=np.float64)
        weights = scipy.stats.poisson.pmf(number, 40)
        parts = tfp.distributions.DirichletMultinomial(number[:, None], CONCENTRATION * p)
        mean = np.sum(weights[:, None] * number[:, None] * p, axis=0)
        within = np.einsum("n,nij->ij", weights, parts.covariance().numpy().squeeze())
        between = 40.0 * np.outer(p, p)
        spread = np.sqrt(np.diag(within + between))
        # Five standard errors.
        self.assertAllClose(root.mean(axis=0), mean, atol=5 * spread.max() / 3000**0.5)
        self.assertAllClose(
            np.cov(root.T), within + between, atol=5 * spread.max() ** 2 / 1500**0.5
        )

    def test_children_are_asked_of_those_who_gave_the_answer(self):
        rng = np.random.default_rng(1)
        for index in range(60):
            votes = draw_votes(expected_fractions(draw_truth(rng)), 40, rng)
            totals = GZD5.totals(votes)
            for place, question in enumerate(GZD5.questions):
                if question.parents:
                    asked = sum(votes[GZD5.place(parent)] for parent in question.parents)
                    self.assertEqual(totals[place], asked, f"{index} {question.name}")

    def test_expected_fractions(self):
        rng = np.random.default_rng(2)
        for _ in range(200):
            expected = expected_fractions(draw_truth(rng))
            self.assertAllInRange(expected, 0.0, 1.0)
            for span in GZD5.spans.values():
                self.assertAllClose(expected[span].sum(), 1.0)

    def test_the_small_and_the_faint_are_less_clear(self):
        large, small = (truth(FACE_ON, radius=radius) for radius in (6.0, 1.6))
        faint = truth(FACE_ON, radius=6.0, magnitude=17.7)
        self.assertGreater(clarity(large), 0.9)
        self.assertLess(clarity(small), 0.5 * clarity(large))
        self.assertLess(clarity(faint), 0.7 * clarity(large))
        bars = FACE_ON | {"bar": "strong"}
        place = GZD5.place("bar_strong")
        seen = [expected_fractions(truth(bars, radius=radius))[place] for radius in (6.0, 1.6)]
        self.assertGreater(seen[0], 2 * seen[1])


if __name__ == "__main__":
    tf.test.main()
