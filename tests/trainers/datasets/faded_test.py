"""Faded galaxies against closed forms: distances, sizes, fluxes, PSFs and noise."""

import dataclasses

import galsim
import numpy as np
import tensorflow as tf
from astropy.cosmology import FlatLambdaCDM, z_at_value
from scipy import stats

from tfds_builders.simulation.k_corrections import k_corrections
from tfds_builders.simulation.legacy_surveys import CAMERAS
from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.faded import FadedDataset
from trainers.datasets.in_memory import InMemoryDataset
from trainers.datasets.recession import Recession
from trainers.datasets.shrinking import blurring, shrinking
from trainers.errors import UserError
from trainers.options.fading import Fading
from trainers.options.run import RunConfig

COSMOLOGY = FlatLambdaCDM(H0=70.0, Om0=0.3)
FWHM = 2 * np.sqrt(2 * np.log(2))
SIZE, SCALE, SEEING, SIGMA, ELECTRONS = 40, 0.5, 1.5, 0.02, 400.0
SPEC = DatasetSpec(
    "sky",
    (SIZE, SIZE, 2),
    ("g", "r"),
    SCALE,
    "nanomaggies",
    ("early", "late"),
    None,
    feature_names=("image", "id", "label", "redshift", "magnitude", "seeing", "noise_sigma"),
)


def gaussian(fwhm, flux):
    """Round Gaussians, with the pixel, of a FWHM in arcsec without it: (SIZE, SIZE, 2)."""
    axis = (np.arange(SIZE) - (SIZE - 1) / 2) * SCALE
    sigma = np.hypot(fwhm / FWHM, SCALE / np.sqrt(12))
    row = np.exp(-0.5 * (axis / sigma) ** 2) * SCALE / (np.sqrt(2 * np.pi) * sigma)
    return np.float32(np.outer(row, row)[..., None] * np.full(2, flux))


def sky(images, noise=0.0, spec=SPEC, **features):
    number = len(images)
    features = {
        "redshift": 0.1,
        "magnitude": 17.0,
        "seeing": SEEING,
        "noise_sigma": noise,
        **features,
    }
    arrays = {
        "image": np.asarray(images, np.float32),
        "id": np.array([f"{row}" for row in range(number)]),
        "label": np.arange(number) % 2,
        **{
            name: np.broadcast_to(np.float32(value), (number, *np.shape(value)))
            if np.ndim(value) < 1 or len(value) != number
            else np.float32(value)
            for name, value in features.items()
        },
    }
    names = ("image", "id", "label", *features)
    return InMemoryDataset(
        dataclasses.replace(spec, feature_names=names),
        dict.fromkeys(("train", "validation", "test"), arrays),
    )


def faded(dataset, *options, **settings):
    return FadedDataset(dataset, Fading.parse(options), **settings)


def width(image):
    """Standard deviation of the light along x, px."""
    axis = np.arange(image.shape[1]) - (image.shape[1] - 1) / 2
    profile = image.sum(axis=0)
    return np.sqrt((profile * axis**2).sum() / profile.sum())


class RecessionTest(tf.test.TestCase):
    def test_k_corrections_are_integrals_over_the_band(self):
        wavelengths = np.arange(520.0, 720.0, 0.05)
        response = galsim.Bandpass("LSST_r.dat", wave_type="nm")(wavelengths)
        photons = galsim.SED("CWW_E_ext.sed", wave_type="Ang", flux_type="flambda")
        there, here = ((photons(wavelengths / s) * response).sum() for s in (1.3, 1.0))
        values = k_corrections(("g", "r"), np.array([0.0, 0.3]))
        self.assertAllEqual(values[:, 0], np.zeros((4, 2)))
        self.assertAllClose(values[0, 1, 1], -2.5 * np.log10(there / here), atol=3e-3)

    def test_magnitudes_of_a_template(self):
        recession = Recession(("g", "r"), 1.6, "Scd")
        moved = recession.move(tf.constant(0.1), tf.constant(np.nan), tf.constant(3.0))
        before, after = (
            COSMOLOGY.distmod(z).value + k_corrections(("g", "r"), [z])[2, 0] - 1.6 * z
            for z in (0.1, float(moved.redshift))
        )
        self.assertAllClose(moved.dimming, after - before, atol=6e-3)
        self.assertAllClose(moved.dimming[1], 3.0, atol=1e-5)
        ratio = COSMOLOGY.angular_diameter_distance([0.1, float(moved.redshift)]).value
        self.assertAllClose(moved.size_ratio, ratio[0] / ratio[1], rtol=2e-4)

    def test_surface_brightness_without_spectra_and_evolution(self):
        recession = Recession(("white",), 0.0)
        for redshift, dimming in ((0.02, 1.0), (0.1, 4.0), (0.3, 2.5)):
            moved = recession.move(tf.constant(redshift), tf.constant(np.nan), tf.constant(dimming))
            wanted = COSMOLOGY.distmod(redshift) + dimming * COSMOLOGY.distmod(1).unit
            expected = z_at_value(COSMOLOGY.distmod, wanted).value
            self.assertAllClose(moved.redshift, expected, rtol=1e-3)
            brightness = 10 ** (-0.4 * dimming) / float(moved.size_ratio) ** 2
            self.assertAllClose(brightness, ((1 + redshift) / (1 + expected)) ** 4, rtol=2e-3)

    def test_redder_galaxies_have_larger_k_corrections(self):
        recession = Recession(("g", "r"), 0.0)
        red, blue = (
            recession.move(tf.constant(0.1), tf.constant(colour), tf.constant(2.0))
            for colour in (0.9, 0.3)
        )
        self.assertLess(float(red.redshift), float(blue.redshift))
        # Beyond the break at 4000 A a red galaxy is dimmed most in g.
        self.assertGreater(float(red.dimming[0]), float(blue.dimming[0]) + 0.1)

    def test_without_redshift_or_beyond_the_table(self):
        recession = Recession(("r",), 1.6)
        for redshift in (np.nan, -9999.0, 0.0):
            moved = recession.move(tf.constant(redshift), tf.constant(np.nan), tf.constant(2.0))
            self.assertAllEqual(moved.size_ratio, 1.0)
            self.assertAllEqual(moved.dimming, [2.0])
        moved = recession.move(tf.constant(0.2), tf.constant(np.nan), tf.constant(14.0))
        self.assertAllClose(moved.dimming, [14.0])
        self.assertAllClose(moved.redshift, 1.5, rtol=1e-3)


class ShrinkingTest(tf.test.TestCase):
    def test_flux_size_and_identity(self):
        self.assertAllClose(shrinking(tf.constant(1.0), 9, 9), np.eye(9), atol=1e-6)
        self.assertAllClose(shrinking(tf.constant(1.0), 9, 5), np.eye(9)[2:7], atol=1e-6)
        axis = np.arange(60) - 29.5
        light = np.exp(-0.5 * (axis / 6) ** 2).astype(np.float32)
        for ratio in (0.93, 0.5, 0.21):
            small = shrinking(tf.constant(ratio), 60, 40) @ light[:, None]
            self.assertAllClose(tf.reduce_sum(small), light.sum(), rtol=5e-4)
            self.assertAllClose(width(small.numpy().T), 6 * ratio, rtol=0.01)

    def test_blur_adds_its_variance(self):
        axis = np.arange(40) - 19.5
        light = np.exp(-0.5 * (axis / 2) ** 2).astype(np.float32)
        for sigma in (0.0, 0.3, 0.8, 2.5):
            blurred = blurring(tf.constant(sigma), 40) @ light[:, None]
            self.assertAllClose(tf.reduce_sum(blurred), light.sum(), rtol=1e-5)
            self.assertAllClose(width(blurred.numpy().T), np.hypot(2, sigma), rtol=1e-3)


class FadedDatasetTest(tf.test.TestCase):
    def test_flux_width_and_features(self):
        images = [gaussian(4.0, 1e4)] * 2
        data = sky(images, redshift=[0.1, np.nan])
        arrays = faded(data, "magnitudes=2", "template=Sbc").arrays("train")
        flux = arrays["image"].sum(axis=(1, 2))
        self.assertAllClose(flux[:, 1], [1e4 * 10**-0.8] * 2, rtol=1e-3)
        self.assertAllClose(flux[1, 0], flux[1, 1], rtol=1e-4)
        # In g the k-correction is larger.
        self.assertLess(flux[0, 0], 0.95 * flux[0, 1])
        self.assertAllEqual(arrays["magnitude"], [19.0, 19.0])
        self.assertAllEqual(arrays["fading"], [2.0, 2.0])
        distances = COSMOLOGY.angular_diameter_distance([0.1, arrays["redshift"][0]]).value
        ratio = distances[0] / distances[1]
        self.assertBetween(ratio, 0.4, 0.6)
        # The PSF does not shrink with the galaxy, which has the rest of the width.
        own = (4.0**2 - SEEING**2) * ratio**2
        expected = np.hypot(np.sqrt(own + SEEING**2) / FWHM / SCALE, np.sqrt(1 / 12))
        self.assertAllClose(width(arrays["image"][0, ..., 1]), expected, rtol=0.01)
        unmoved = np.hypot(4.0 / FWHM / SCALE, np.sqrt(1 / 12))
        self.assertAllClose(width(arrays["image"][1, ..., 1]), unmoved, rtol=0.01)

    def test_target_psf_and_size(self):
        data = sky([gaussian(SEEING, 1e3)], redshift=np.nan)
        dataset = faded(data, "magnitudes=1", "psf=2.5,3.5", "size=30")
        self.assertEqual(dataset.spec.image_shape, (30, 30, 2))
        arrays = dataset.arrays("test")
        (image,) = arrays["image"]
        for band, fwhm in enumerate((2.5, 3.5)):
            expected = np.hypot(fwhm / FWHM / SCALE, np.sqrt(1 / 12))
            self.assertAllClose(width(image[..., band]), expected, rtol=0.01)
        self.assertAllClose(arrays["seeing"], [[2.5, 3.5]])
        self.assertEqual(dataset.spec.seeing, (2.5, 3.5))

    def test_noise_of_the_sky_and_of_photons(self):
        number, light = 60, 2.0
        generator = np.random.default_rng(0)
        shape = (number, SIZE, SIZE, 2)
        sigma = np.sqrt(SIGMA**2 + light / ELECTRONS)
        images = light + sigma * generator.standard_normal(shape)
        data = sky(images, SIGMA, electrons=ELECTRONS, redshift=np.nan)
        middle = np.s_[:, 6:-6, 6:-6]
        for options, sky_sigma, electrons in (
            (("magnitudes=1",), SIGMA, ELECTRONS),
            (("magnitudes=3", "noise=0.05", "electrons=50"), 0.05, 50.0),
        ):
            dataset = faded(data, *options)
            arrays = dataset.arrays("train")
            rest = light * 10 ** (-0.4 * dataset.fading.magnitudes[0])
            expected = np.sqrt(sky_sigma**2 + rest / electrons)
            pixels = arrays["image"][middle]
            self.assertAllClose(pixels.std(), expected, rtol=0.02)
            self.assertAllClose(pixels.mean(), rest, rtol=0.01)
            self.assertAllClose(arrays["noise_sigma"], np.full((number, 2), sky_sigma))

    def test_not_faded_is_unchanged(self):
        images = np.random.default_rng(0).normal(0, SIGMA, (3, SIZE, SIZE, 2))
        arrays = faded(sky(images, SIGMA), "magnitudes=0").arrays("train")
        self.assertAllClose(arrays["image"], images, atol=1e-6)

    def test_wanted_magnitude(self):
        data = sky([gaussian(3.0, 10.0)] * 300, magnitude=np.linspace(16, 20, 300))
        arrays = faded(data, "to=18-21").arrays("validation")
        bright = np.linspace(16, 20, 300) < 18
        self.assertGreater(
            stats.kstest(arrays["magnitude"][bright], "uniform", (18, 3)).pvalue, 1e-3
        )
        self.assertAllGreaterEqual(arrays["fading"], 0.0)
        self.assertAllClose(
            arrays["magnitude"] - arrays["fading"], np.linspace(16, 20, 300), atol=1e-4
        )

    def test_only_object_epoch_and_realisation_matter(self):
        data = sky([gaussian(3.0, 10.0)] * 20, SIGMA)
        options = ("magnitudes=0-3", "size=20")
        dataset = faded(data, *options)
        by_id = []
        for batch_size, order in ((6, {"shuffle_seed": 3, "epoch": 2}), (20, {})):
            rows = {}
            features = ("id", "magnitude", "fading")
            for batch in dataset.batches("train", batch_size, features=features, **order):
                self.assertAllClose(batch["magnitude"], 17 + batch["fading"])
                rows.update(zip(batch["id"].numpy(), batch["image"].numpy(), strict=True))
            by_id.append([rows[str(row).encode()] for row in range(20)])
        self.assertAllEqual(*by_id)
        # Outside of a pipeline products of matrices are rounded otherwise.
        self.assertAllClose(dataset.arrays("train")["image"], by_id[0], atol=1e-6)
        fresh = faded(data, *options, fresh=True)
        first, second = (
            next(iter(fresh.batches("train", 20, epoch=epoch, features=("fading",))))["fading"]
            for epoch in (0, 1)
        )
        self.assertAllInRange(first - second, -3.0, 3.0)
        self.assertNotAllClose(first, second)

    def test_survey(self):
        spec = dataclasses.replace(SPEC, bands=("r", "z"))
        dataset = faded(
            sky([gaussian(1.0, 10.0)], spec=spec, seeing=1.0), "magnitudes=1", "survey=sdss"
        )
        arrays = dataset.arrays("train")
        (noise,), (seeing,) = arrays["noise_sigma"], arrays["seeing"]
        camera = CAMERAS["sdss"].on_pixels(SCALE)
        self.assertAllClose(noise, [camera.noise_sigma(1), camera.noise_sigma(2)])
        self.assertAllClose(seeing, CAMERAS["sdss"].psf_fwhm[1:])
        self.assertIn("fainter by 1 mag in r", dataset.spec.transformations[0])

    def test_of_a_run(self):
        data = sky([gaussian(3.0, 10.0)] * 4, SIGMA)
        config = RunConfig(fade=["magnitudes=1"], noise_draws="fresh", rotation=10.0)
        (turned, description) = loading.for_run(data, config).spec.transformations
        self.assertIn("rotation", turned)
        self.assertIn("fresh in every epoch", description)
        self.assertTrue(RunConfig(fade=["magnitudes=1"], noise_draws="fresh").images_vary)
        self.assertFalse(RunConfig(fade=["magnitudes=1"]).images_vary)
        (only,) = loading.with_noise(data, config).spec.transformations
        self.assertIn("PSF and noise of each image, without photon noise", only)


class MistakesTest(tf.test.TestCase):
    def test_options(self):
        for option, message in (
            ("magnitudes", "`fade` takes NAME=VALUE with magnitudes, to, .*; got 'magnitudes'"),
            ("depth=3", "`fade` takes NAME=VALUE .* got 'depth=3'"),
            ("magnitudes=4-0", "`fade` magnitudes must be a number or LOW-HIGH; got '4-0'"),
            ("magnitudes=-1", "`fade` magnitudes must be at least 0 .* got ''"),
            ("magnitudes=bright", "`fade` magnitudes must be .* got 'bright'"),
            ("psf=1", "`fade` needs either magnitudes or to; got"),
            ("size=0", "`fade` size must be a whole number, at least 1; got '0'"),
        ):
            with self.assertRaisesRegex(UserError, message):
                RunConfig(fade=[option])
        with self.assertRaisesRegex(UserError, "must name 'to' once"):
            Fading.parse(["to=20", "to=21"])

    def test_data(self):
        images = [gaussian(3.0, 10.0)] * 3
        plain = sky(images, SIGMA)
        for dataset, options, message in (
            (sky(images, 1.0, dataclasses.replace(SPEC, units="counts (0-255)")), (), "linear in"),
            (
                sky(images, [SIGMA, -1.0, 1.0]),
                (),
                "positive 'noise_sigma' .* -1, -1 of '1' and of 0",
            ),
            (sky(images, SIGMA, seeing=[0.0, 1.0, 0.0]), (), "'seeing' .* of '0' and of 1 more"),
            (plain, ("psf=1.2",), "psf must be at least 1.5, that of '0' faded by 0 mag; got 1.2"),
            (plain, ("noise=0.01",), "noise must be at least 0.02, .* got 0.01"),
            (plain, ("psf=1,2,3",), "psf must be one number or one for each of g, r; got"),
            (plain, ("size=41",), "size must be at most 40 and differ from the sides"),
            (plain, ("template=Sa",), "template must be one of E, Sbc, Scd, Im; got 'Sa'"),
            (plain, ("survey=ska",), "survey must be one of decals, bass_mzls, sdss; got 'ska'"),
        ):
            with self.subTest(message), self.assertRaisesRegex(UserError, message):
                faded(dataset, "magnitudes=0-2", *options)
        missing = sky(images, SIGMA, magnitude=[17.0, -9999.0, 18.0])
        with self.assertRaisesRegex(UserError, "positive 'magnitude' .* -9999, -9999 of '1'"):
            faded(missing, "to=18-20")
        # Where no magnitude is wanted, one that is missing stays missing.
        self.assertEqual(faded(missing, "magnitudes=1").arrays("test")["magnitude"][1], -9999)
        spec = dataclasses.replace(plain.spec, feature_names=("image", "id", "noise_sigma"))
        plain.spec = spec
        with self.assertRaisesRegex(UserError, r"needs the feature 'seeing' \(FWHM of the PSF"):
            faded(plain, "magnitudes=1")


if __name__ == "__main__":
    tf.test.main()
