"""The simulated sky and volunteers against closed forms, GalSim, TFP and the real images."""

import dataclasses

import galsim
import numpy as np
import PIL.Image
import scipy.stats
import tensorflow as tf

from tests import galaxy_data
from tfds_builders.galaxy_zoo_decals.configs import SimulatedConfig
from tfds_builders.galaxy_zoo_decals.hubble_type import bulge_of_type, hubble_type, type_of_bulge
from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.rgb import resampled, stretched
from tfds_builders.galaxy_zoo_decals.scene import galaxy_lights
from tfds_builders.galaxy_zoo_decals.simulated import SimulatedGalaxies, Sky, observe
from tfds_builders.galaxy_zoo_decals.truth import Truth, draw_truth
from tfds_builders.simulation import structures
from tfds_builders.simulation.legacy_surveys import CAMERAS, Exposure
from tfds_builders.simulation.structures import SIDE, Canvas, SpiralPattern
from tfds_builders.surveys import flux_from_magnitude

NUMBERS = {
    "redshift": 0.05,
    "absolute_magnitude": -21.0,
    "magnitude": 15.5,
    "radius": 4.0,
    "axis_ratio": 0.7,
    "position_angle": 0.4,
    "sersic_index": 1.0,
}


def disk(**numbers):
    return Truth("disk", "", **NUMBERS | {"bulge_fraction": 0.0} | numbers)


def spheroid(**numbers):
    return Truth("spheroid", "", **NUMBERS | {"bulge_fraction": 1.0} | numbers)


class TruthTest(tf.test.TestCase):
    def test_disk_in_closed_form(self):
        # Half and 90 % of the light of exp(-r/h) lie within 1.678 h and 3.890 h.
        self.assertAllClose(disk().scale_length, 4.0 / 1.67835, rtol=1e-3)
        self.assertAllClose(disk().petrosian, (4.0, 4.0 * 3.8897 / 1.67835), rtol=2e-3)

    def test_population(self):
        drawn = drawn_galaxies(1500)
        galaxies = [each for each in drawn if not each.artefact]
        self.assertAllInRange([each.magnitude for each in galaxies], 13.5, 17.77)
        self.assertAllInRange([each.redshift for each in galaxies], 0.0, 0.15)
        # Counts of a uniform space: 10^(0.6 m), a little less for the limits in size and redshift.
        bright = np.array([each.magnitude for each in galaxies])
        self.assertBetween(np.mean(bright > 17.0), 0.40, 0.70)
        for place, question in enumerate(GZD5.questions):
            seen = np.array([each.indices[place] for each in drawn])
            self.assertAllEqual(np.unique(seen[seen >= 0]), np.arange(len(question.answers)))
            for each in drawn:
                answers = {f"{name}_{answer}" for name, answer in each.answers.items()}
                if question.name in each.answers and question.parents:
                    self.assertTrue(answers & set(question.parents))

    def test_parameters_have_no_gaps_between_classes(self):
        disks = [each for each in drawn_galaxies(3000) if each.kind == "disk"]
        armed = [each for each in disks if each.arm_fraction > 0.12]
        for name, values, low, high in (
            ("axis ratio", [each.axis_ratio for each in disks], 0.2, 0.95),
            ("bulge", [each.bulge_fraction for each in disks], 0.01, 0.6),
            ("bar", [each.bar_strength for each in disks], 0.01, 0.9),
            ("pitch angle", [np.log(each.pitch_angle) for each in armed], np.log(8), np.log(38)),
        ):
            counts, _ = np.histogram(values, np.linspace(low, high, 16))
            self.assertTrue(np.all(counts > 0.15 * np.mean(counts)), f"{name}: {counts}")

    def test_thin_disks_have_isotropic_axis_ratios(self):
        cosines = [each.axis_ratio for each in drawn_galaxies(3000) if each.kind == "disk"]
        # Far from the side the axis ratio of a disk is the cosine, which is uniform.
        face_on = [each for each in cosines if each > 0.5]
        self.assertGreater(scipy.stats.kstest(face_on, "uniform", (0.5, 0.5)).pvalue, 1e-3)


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
        smooth = [hubble_type(spheroid(sersic_index=index)) for index in (1.0, 2.0, 4.0, 5.0)]
        self.assertAllClose(smooth, [-3.0, -4.0, -5.0, -5.0])
        tight, medium, loose = (
            hubble_type(disk(bulge_fraction=0.2, arm_number=2, arm_fraction=0.4, pitch_angle=pitch))
            for pitch in (10.0, 19.0, 31.0)
        )
        self.assertAllClose((tight, loose), (medium - 0.75, medium + 1.0))
        self.assertAllClose(bulge_of_type(medium), 0.2, rtol=1e-3)
        self.assertAllClose(hubble_type(disk(bulge_fraction=0.2)), medium)
        self.assertAllClose(hubble_type(dataclasses.replace(disk(), kind="irregular")), 10.0)
        star = Truth("artefact", "star", **NUMBERS, bulge_fraction=1.0)
        self.assertTrue(np.isnan(hubble_type(star)))

    def test_all_types_occur_and_spirals_are_no_early_types(self):
        drawn = drawn_galaxies(1500)
        types = np.array([hubble_type(each) for each in drawn])
        self.assertAllEqual(np.isnan(types), [bool(each.artefact) for each in drawn])
        counts, _ = np.histogram(types[np.isfinite(types)], np.arange(-5.0, 11.0))
        self.assertAllGreater(counts, 0)
        spiral = [each.answers.get("has-spiral-arms") == "yes" for each in drawn]
        self.assertAllInRange(types[spiral], 0.0, 10.0)


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
                while True:
                    pattern = SpiralPattern.draw(number, pitch, 0.0, 0.4, rng, irregularity=0)
                    if np.sign(pattern.winding[-1] - pattern.winding[0]) == sense:
                        break
                image = structures.arms(canvas, 2.0, pattern, 0.0, pitch, rng)
                self.assertAllClose(image.sum(), 1.0, rtol=1e-5)
                turns = np.linspace(-14, 14, 113)
                strength = [self.spectrum(image, canvas, 2.0, m, turns) for m in range(1, 8)]
                modes = np.max(strength, axis=1)
                self.assertEqual(1 + int(np.argmax(modes)), number)
                best = turns[np.argmax(strength[number - 1])]
                self.assertEqual(np.sign(best), sense)
                measured = np.degrees(np.arctan(number / np.abs(best)))
                self.assertAllClose(measured, pitch, atol=2.0)

    def test_pitch_changes_along_the_arms(self):
        rng = np.random.default_rng(3)
        pattern = SpiralPattern.draw(2, 20.0, 4.0, 0.4, rng, irregularity=0)
        slope = np.gradient(pattern.winding, np.log(pattern.radii))
        measured = np.degrees(np.arctan(1 / np.abs(slope)))
        at = np.interp([1.0, 2.0, 3.0], pattern.radii, measured)
        self.assertAllClose(at, [16.0, 20.0, 24.0], atol=0.3)

    def test_patches_lie_along_the_arms_and_have_no_number(self):
        canvas, rng = Canvas(10.0, 1.0, 0.0), np.random.default_rng(4)
        pattern = SpiralPattern.draw(2, 20.0, 0.0, 0.4, rng)
        image = structures.arms(canvas, 2.0, pattern, 1.0, 20.0, rng)
        turns = np.linspace(-14, 14, 57)
        power = np.array([self.spectrum(image, canvas, 2.0, m, turns) for m in range(2, 9)]) ** 2
        # m cot(20 deg) on one side; its mirror image on the other.
        matched = sum(
            abs(np.sum(power[m - 2] * np.sign(turns)) / power[m - 2].sum()) for m in range(2, 9)
        )
        self.assertGreater(matched / 7, 0.2)
        whole = structures.arms(canvas, 2.0, pattern, 0.0, 20.0, rng)
        modes = [self.spectrum(whole, canvas, 2.0, m, turns).max() for m in (2, 3)]
        loose = [self.spectrum(image, canvas, 2.0, m, turns).max() for m in (2, 3)]
        self.assertGreater(modes[0] / modes[1], 2 * loose[0] / loose[1])

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

    def test_warp_bends_the_ends_alone_and_to_opposite_sides(self):
        canvas = Canvas(10.0, 1.0, 0.0)
        image = structures.edge_on_disk(canvas, 2.0, 0.6, warp=0.8)
        along, across = canvas.sky()
        for low, high, shift in ((-3.5, -2.0, 0.0), (7.4, 7.8, 0.8 * 0.9**2), (-7.8, -7.4, -0.65)):
            slab = image * ((along > low) & (along < high))
            self.assertAllClose((slab * across).sum() / slab.sum(), shift, atol=0.03)

    def test_bulges_are_boxes_or_ellipses(self):
        canvas = Canvas(10.0, 1.0, 0.0)
        along, across = canvas.sky()
        for boxiness, moment in ((0.0, 1.0), (1.0, 1.371)):
            image = structures.edge_on_bulge(canvas, 1.2, 1.0, boxiness)
            # <x^2 z^2> / <x^4> of a circle is 1/3, of |x|^4 + |z|^4 = 1 it is 0.457 (quadrature).
            corner = (image * along**2 * across**2).sum()
            fourth = (image * along**4).sum()
            self.assertAllClose(corner / fourth, moment / 3, rtol=0.02)

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
            galaxy = spheroid(sersic_index=index, axis_ratio=ratio)
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
        drawn = [index for index, each in enumerate(drawn_galaxies(40)) if not each.artefact][:8]
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


def drawn_galaxies(number):
    return [draw_truth(np.random.default_rng((0, 0, index))) for index in range(number)]


if __name__ == "__main__":
    tf.test.main()
