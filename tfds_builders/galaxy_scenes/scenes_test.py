"""Sources, images and truth against GalSim, astropy and closed forms."""

import dataclasses
import zlib

import astropy.units as u
import galsim
import numpy as np
import scipy.integrate
import scipy.optimize
import tensorflow as tf
from astropy.modeling.models import BlackBody

from tfds_builders.galaxy_scenes import spectra
from tfds_builders.galaxy_scenes.cameras import SURVEYS, Psf, camera, nanojansky
from tfds_builders.galaxy_scenes.configs import FieldsConfig, StampsConfig
from tfds_builders.galaxy_scenes.isolated import Isolated, draw_isolated, window
from tfds_builders.galaxy_scenes.scenes import Scenes
from tfds_builders.galaxy_scenes.sky import GALAXIES, STARS, Placed, draw_sky
from tfds_builders.galaxy_scenes.sources import (
    CLASSES,
    Source,
    draw_galaxy,
    draw_star,
    two_component_radius,
)
from tfds_builders.galaxy_scenes.truth import measure_scene
from tfds_builders.galaxy_scenes.votes import vote_probabilities
from tfds_builders.simulation.colours import galaxy_colours
from tfds_builders.simulation.fourier import Component

BACKGROUND = CLASSES.index("background")


def median_psf(survey):
    return Psf(camera(survey), camera(survey).psf_fwhm)


def with_galsim(isolated, psf, band, shear=None, seen=None):
    """Draws the same source with GalSim, from the parts of its light; sheared, where it is seen."""
    parts = []
    for light in isolated.placed.source.lights:
        shape = light.shape
        if shape is None:
            profile = galsim.DeltaFunction()
        elif isinstance(shape, Component):
            profile = galsim.Sersic(
                shape.sersic_index,
                half_light_radius=shape.half_light_radius,
                trunc=shape.truncation * shape.half_light_radius,
            ).shear(q=shape.axis_ratio, beta=shape.position_angle * galsim.radians)
        else:
            image, scale = shape
            profile = galsim.InterpolatedImage(galsim.Image(image.astype(float)), scale=scale)
        parts.append(profile.withFlux(light.flux[band]).shift(*light.offset))
    moffat = galsim.Moffat(psf.camera.psf_beta, fwhm=psf.fwhm[band])
    galaxy, placed = galsim.Sum(parts), seen or isolated.placed
    if shear is not None:
        galaxy = galaxy.shear(shear)
    convolved = galsim.Convolve(galaxy, moffat)
    side, scale = isolated.image.shape[-1], psf.camera.pixel_scale
    # GalSim's centre of an even image is half a pixel before that of pixel side // 2.
    offset = (
        placed.x - isolated.column - (side - 1) / 2,
        placed.y - isolated.row - (side - 1) / 2,
    )
    return convolved.drawImage(nx=side, ny=side, scale=scale, offset=offset, dtype=float).array


def unpacked(packed, shape, kind=np.float32):
    return np.frombuffer(zlib.decompress(packed), kind).reshape(shape)


class SourcesTest(tf.test.TestCase):
    def test_images_are_those_of_galsim(self):
        for survey, band in (("hst", 0), ("hst", 3), ("lsst", 1), ("decals", 2)):
            psf = median_psf(survey)
            rng = np.random.default_rng(3)
            sources = [draw_star(rng, 20.0, psf.camera)]
            while len({source.kind for source in sources}) < 4:
                sources.append(draw_galaxy(rng, 22.5, psf.camera))
            for source in sources:
                with self.subTest(survey=survey, band=band, kind=CLASSES[source.kind]):
                    isolated = draw_isolated(Placed(source, 20.3, 31.8), psf)
                    ours = isolated.image[band].astype(float)
                    theirs = with_galsim(isolated, psf, band)
                    flux = source.flux[band]
                    self.assertLess(np.abs(ours - theirs).sum(), 0.01 * flux)
                    # The grid ends where the light is lost in the noise.
                    self.assertAllClose(ours.sum(), flux, rtol=0.01)
                    places = np.arange(ours.shape[0])
                    for axis, centre in ((0, 20.3 - isolated.column), (1, 31.8 - isolated.row)):
                        centroid, expected = (
                            image.sum(axis=axis) @ places / image.sum() for image in (ours, theirs)
                        )
                        self.assertAllClose(centroid, expected, atol=0.02)
                        if CLASSES[source.kind] in ("spheroid", "point_source"):
                            self.assertAllClose(centroid, centre, atol=0.05)

    def test_galaxies_with_structure_are_resolved(self):
        psf = median_psf("hst")
        rng = np.random.default_rng(0)
        sources = [draw_galaxy(rng, 20.5, psf.camera) for _ in range(40)]
        with_images = [
            source
            for source in sources
            if any(isinstance(light.shape, tuple) for light in source.lights)
        ]
        self.assertEqual({CLASSES[each.kind] for each in with_images}, {"disk", "irregular"})
        disk = next(each for each in with_images if CLASSES[each.kind] == "disk")
        isolated = draw_isolated(Placed(disk, 0.0, 0.0), psf)
        difference = np.abs(isolated.image[3] - with_galsim(isolated, psf, 3)).sum()
        self.assertLess(difference, 0.02 * disk.flux[3])

    def test_i_magnitude_is_that_of_all_parts(self):
        rng = np.random.default_rng(1)
        for i in (19.0, 22.0, 25.0):
            for _ in range(8):
                flux = draw_galaxy(rng, i, camera("lsst")).flux
                self.assertAllClose(flux[3], nanojansky(i), rtol=1e-6)

    def test_half_light_radius_of_bulge_and_disk(self):
        for share, size, index in ((0.1, 0.3, 3.0), (0.5, 0.3, 3.0), (0.3, 0.5, 2.0)):
            profile = share * galsim.Sersic(index, half_light_radius=size)
            profile += (1 - share) * galsim.Exponential(half_light_radius=1.0)
            expected = profile.calculateHLR(size=400, scale=0.02)
            self.assertAllClose(two_component_radius(share, size, index), expected, rtol=0.01)

    def test_colours_of_galaxies_are_those_of_their_spectra(self):
        bands = tuple(f"LSST_{band}" for band in "ugriz")
        for kind, redshift in ((0.0, 0.3), (1.0, 0.86), (2.5, 1.31)):
            expected = galaxy_colours(kind, redshift)
            ours = spectra.galaxy_colours(bands, kind, redshift)
            self.assertAllClose(ours, expected - expected[3], atol=0.04)

    def test_infrared_colours_of_stars_are_those_of_black_bodies(self):
        def magnitude(nm, kelvin):
            return -2.5 * np.log10(BlackBody(kelvin * u.K)(nm * u.nm).value)

        for g_i in (0.5, 1.2, 2.5):
            kelvin = scipy.optimize.brentq(
                lambda t, g_i=g_i: magnitude(482, t) - magnitude(754, t) - g_i, 2000, 12000
            )
            colours = spectra.star_colours_in(camera("hst").bandpasses, g_i)
            expected = magnitude(1251.6, kelvin) - magnitude(1539.1, kelvin)
            self.assertAllClose(colours[2] - colours[3], expected, atol=0.01)

    def test_votes(self):
        star = Source(3, ())
        disk = Source(1, (), half_light_radius=0.6, bulge_fraction=0.1)
        for source in (star, disk):
            self.assertEqual(np.argmax(vote_probabilities(source, 0.2, 100.0)), source.kind)
            self.assertAllClose(vote_probabilities(source, 0.2, 0.01), np.full(4, 0.25), atol=1e-3)
            self.assertAllClose(vote_probabilities(source, 0.2, 8.0).sum(), 1.0)
        # A disk that is not resolved is taken for a point.
        self.assertEqual(np.argmax(vote_probabilities(disk, 20.0, 100.0)), 3)


class SkyTest(tf.test.TestCase):
    def test_number_counts(self):
        for counts in (GALAXIES, STARS):

            def density(i, counts=counts):
                slope = counts.bright_slope if i < counts.knee else counts.faint_slope
                return counts.norm * 10 ** (slope * (i - counts.knee))

            expected, _ = scipy.integrate.quad(density, 18, 26.5, points=[counts.knee])
            self.assertAllClose(counts.density(18, 26.5), expected, rtol=1e-6)
        # To i = 25 the counts of the LSST Science Book, 46 per square arcmin.
        self.assertAllClose(GALAXIES.density(10, 25), 46, rtol=0.05)
        drawn = GALAXIES.draw(np.random.default_rng(0), 23.0, 40.0, 20_000)
        # Without a faint limit the likelihood is largest at 1 / mean of (40 - i).
        slope = 1 / (np.log(10) * np.mean(40.0 - drawn))
        self.assertAllClose(slope, 0.31, rtol=5 / np.sqrt(20_000))

    def test_places(self):
        lsst = camera("lsst")
        rng = np.random.default_rng(0)

        def galaxy(rng, i, redshift):
            return draw_galaxy(rng, i, lsst, redshift)

        area = (120 * 0.2 / 60) ** 2
        numbers, close = {}, {}
        for clustering in (0.0, 0.5):
            numbers[clustering], close[clustering] = [], 0
            for _ in range(60):
                placed = draw_sky(
                    rng, lsst, galaxy, 100, 10, 20, 25.3, stars=0, clustering=clustering
                )
                x, y = (np.array([getattr(each, axis) for each in placed]) for axis in "xy")
                self.assertAllInRange(np.append(x, y), -10.5, 109.5)
                numbers[clustering].append(len(placed))
                distance = np.hypot(x[:, None] - x, y[:, None] - y)
                close[clustering] += np.sum(distance < 10) - len(placed)
            expected = area * GALAXIES.density(20, 25.3)
            # Five standard errors of the mean of 60 Poisson numbers.
            self.assertAllClose(
                np.mean(numbers[clustering]), expected, atol=5 * np.sqrt(expected / 60)
            )
        # Twice as many in the mean, and 100 pairs without.
        self.assertGreater(close[0.5], 1.3 * close[0.0])

    def test_depth(self):
        for survey in ("lsst", "decals"):
            for band, depth in enumerate(camera(survey).depth):
                psf = galsim.Moffat(camera(survey).psf_beta, fwhm=camera(survey).psf_fwhm[band])
                image = psf.drawImage(nx=96, ny=96, scale=camera(survey).pixel_scale).array
                signal = nanojansky(depth) * np.sqrt(np.sum(image.astype(float) ** 2))
                self.assertAllClose(signal / camera(survey).noise_sigma[band], 5, rtol=0.01)
        # An aperture of 0.17 arcsec has 25.2 pixels.
        sigma = camera("hst").noise_sigma * np.sqrt(25.2)
        self.assertAllClose(nanojansky(camera("hst").depth) / sigma, np.full(4, 5.0), rtol=0.01)


class TruthTest(tf.test.TestCase):
    def test_blendedness_of_two_gaussians(self):
        rows, columns = np.mgrid[:64, :64]
        sigma, distance, fluxes = 3.0, 5.0, (100.0, 40.0)
        sources = []
        for flux, x in zip(fluxes, (30.0, 30.0 + distance), strict=True):
            square = (columns - x) ** 2 + (rows - 31.0) ** 2
            image = flux * np.exp(-square / (2 * sigma**2)) / (2 * np.pi * sigma**2)
            placed = Placed(Source(1, ()), x, 31.0)
            sources.append(Isolated(placed, image[None].astype(np.float32), 0, 0))
        truth = measure_scene(sources, np.array([0.5]), 64, 1.0)
        # S_1 . S_2 / S_1 . S_1 = f_2 / f_1 exp(-d^2 / (4 sigma^2))
        overlap = np.exp(-(distance**2) / (4 * sigma**2))
        ratios = np.array([fluxes[1] / fluxes[0], fluxes[0] / fluxes[1]]) * overlap
        self.assertAllClose(truth.blendedness, ratios / (1 + ratios), rtol=1e-5)
        snr = np.array(fluxes) / (2 * sigma * np.sqrt(np.pi)) / 0.5
        self.assertAllClose(truth.snr, snr, rtol=1e-5)

    def test_pixels_of_a_field(self):
        for survey in SURVEYS:
            config = FieldsConfig(name="x", survey=survey, size=96, isophote=1.5, crowding=2.0)
            scenes = Scenes(config)
            scene = scenes.scene("train", 1)
            truth, sigma = scene.truth, scenes.camera.noise_sigma
            images = np.zeros((len(scene.sources) + 1, len(sigma), 96, 96))
            for number, source in enumerate(scene.sources, start=1):
                part, place = source.inside(96)
                images[(number, slice(None), *place)] = part
            self.assertAllClose(truth.noiseless, images.sum(axis=0), rtol=1e-4, atol=1e-4)
            # In units of the noise of the sum of all bands, each in units of its own noise.
            light = (images / sigma[:, None, None]).sum(axis=1) / np.sqrt(len(sigma))
            total = light.sum(axis=0)
            expected = np.where(total >= 1.5, light.argmax(axis=0), 0)
            self.assertLess(np.mean(truth.segmentation != expected), 1e-3)
            self.assertGreater(np.mean(truth.segmentation > 0), 0.01)
            kinds = np.array([BACKGROUND, *(each.placed.source.kind for each in scene.sources)])
            self.assertAllEqual(truth.class_map, kinds[truth.segmentation])
            self.assertAllEqual(truth.area.sum(), np.sum(truth.segmentation > 0))
            shares = np.zeros_like(light)
            for rank in range(3):
                numbers = truth.share_sources[..., rank]
                np.add.at(shares, (numbers, *np.indices(numbers.shape)), truth.shares[..., rank])
            bright = total > 0.05
            few = bright & (np.sum(light > 1e-4 * total, axis=0) <= 3)
            self.assertGreater(few.sum(), 500)
            self.assertAllClose(shares.sum(axis=0)[few], np.ones(few.sum()), atol=2e-3)
            self.assertAllInRange(shares.sum(axis=0)[bright], 0.3, 1.001)
            strongest = light.max(axis=0)[bright] / total[bright]
            self.assertAllClose(truth.shares[..., 0][bright], strongest, atol=1e-3)

    def test_stamp_is_the_sum_of_its_sources_and_noise(self):
        for survey in SURVEYS:
            scenes = Scenes(StampsConfig(name="x", survey=survey, max_neighbours=4))
            for index in range(3):
                example = scenes.draw("test", index)
                bands = len(scenes.camera.bands)
                image, noiseless = (
                    unpacked(example[name], (64, 64, bands)).astype(float)
                    for name in ("image", "noiseless")
                )
                isolated = unpacked(example["isolated"], (5, 64, 64, bands)).astype(float)
                self.assertAllClose(isolated.sum(axis=0), noiseless, rtol=5e-4, atol=1e-3)
                self.assertAllEqual(
                    isolated[example["num_sources"] :], 0 * isolated[example["num_sources"] :]
                )
                electrons = np.array(scenes.camera.electrons)
                variance = example["noise_sigma"] ** 2 + np.maximum(noiseless, 0) / electrons
                chi2 = np.mean((image - noiseless) ** 2 / variance)
                # Five standard errors, and the rounding of the pixels.
                self.assertAllClose(chi2, 1.0, atol=5 * np.sqrt(2 / image.size) + 0.002)

    def test_target_is_in_the_middle_and_the_brightest(self):
        scenes = Scenes(StampsConfig(name="x", survey="lsst", centre_scatter=0.0))
        for index in range(6):
            sources = scenes.scene("train", index).sources
            self.assertAllEqual([sources[0].placed.x, sources[0].placed.y], [32.0, 32.0])
            flux = [each.placed.source.flux[3] for each in sources]
            self.assertEqual(np.argmax(flux), 0)

    def test_neighbours_of_large_targets_do_not_share_a_distance(self):
        config = StampsConfig(name="x", survey="decals", size=32, bright=17, faint=19)
        scenes = Scenes(config)
        distances = []
        for index in range(40):
            target, *others = (each.placed for each in scenes.scene("train", index).sources)
            distances += [np.hypot(each.x - target.x, each.y - target.y) for each in others]
        self.assertAllInRange(distances, 0, 0.45 * 32 + 1e-6)
        self.assertLen(np.unique(np.round(distances, 6)), len(distances))

    def test_cutouts_of_a_field_hold_its_light(self):
        config = FieldsConfig(name="x", survey="lsst", size=80, bright=21.0, cutout_size=40)
        scenes = Scenes(config)
        example = scenes.draw("train", 0)
        noiseless = unpacked(example["noiseless"], (80, 80, 6))
        total = np.zeros_like(noiseless)
        cutouts = unpacked(example["isolated"], (config.max_sources, 40, 40, 6))
        corners = zip(example["cutout_row"], example["cutout_column"], strict=True)
        for (row, column), cutout in zip(corners, cutouts, strict=True):
            total[row : row + 40, column : column + 40] += cutout
        self.assertGreater(example["num_sources"], 5)
        self.assertAllClose(total.sum() / noiseless.sum(), 1.0, atol=0.02)
        self.assertAllInRange((noiseless - total) / example["noise_sigma"], -0.05, 1.0)

    def test_shares_beside_a_bright_star(self):
        for survey in SURVEYS:
            psf = median_psf(survey)
            star = draw_star(np.random.default_rng(0), psf.camera.limits[0], psf.camera)
            galaxy = draw_galaxy(np.random.default_rng(1), 23.0, psf.camera)
            sources = [
                draw_isolated(Placed(star, 40.3, 40.8), psf),
                draw_isolated(Placed(galaxy, 58.0, 44.0), psf),
            ]
            self.assertGreaterEqual(min(each.image.min() for each in sources), 0)
            truth = measure_scene(sources, psf.camera.noise_sigma, 80, 1.0)
            # Each share is rounded to 1/4096.
            self.assertAllInRange(truth.shares.sum(axis=-1), 0, 1 + 1.5 / 4096)
            self.assertAllInRange(truth.blendedness, -1e-9, 1)

    def test_sources_over_the_edge(self):
        psf = median_psf("decals")
        source = draw_galaxy(np.random.default_rng(5), 20.0, psf.camera)
        whole = draw_isolated(Placed(source, 30.3, 30.8), psf)
        across = draw_isolated(Placed(source, -2.7, 64.8), psf)
        scenes = [np.zeros((3, 64, 64)) for _ in range(2)]
        for scene, isolated in zip(scenes, (whole, across), strict=True):
            part, place = isolated.inside(64)
            scene[(slice(None), *place)] = part
        # 33 columns to the left and 34 rows up.
        self.assertAllClose(scenes[1][:, 34:, :31], scenes[0][:, :30, 33:], atol=1e-3)
        cut, row, column = window(across, 24, 64)
        self.assertEqual((row, column), (40, 0))
        self.assertAllEqual(cut, scenes[1][:, 40:, :24])
        outside, _ = draw_isolated(Placed(source, -300.0, 20.0), psf).inside(64)
        self.assertEqual(outside.size, 0)

    def test_none_and_hundreds_of_sources(self):
        base = FieldsConfig(name="x", survey="lsst", size=64)
        empty = Scenes(dataclasses.replace(base, crowding=0.0)).draw("train", 0)
        self.assertEqual(empty["num_sources"], 0)
        self.assertAllEqual(unpacked(empty["segmentation"], (64, 64), np.int32), np.zeros((64, 64)))
        self.assertAllEqual(empty["class"], np.full(48, -1))
        crowded = dataclasses.replace(base, crowding=30.0, max_sources=500)
        scene = Scenes(crowded).scene("train", 0)
        self.assertGreater(len(scene.sources), 250)
        self.assertEqual(scene.num_omitted, 0)
        few = Scenes(dataclasses.replace(crowded, max_sources=20)).scene("train", 0)
        self.assertLen(few.sources, 20)
        self.assertEqual(few.num_omitted, len(scene.sources) - 20)
        self.assertAllClose(few.truth.snr, scene.truth.snr[:20])
        self.assertAllEqual(few.truth.snr, np.sort(few.truth.snr)[::-1])


if __name__ == "__main__":
    tf.test.main()
