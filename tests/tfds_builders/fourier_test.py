"""Drawing in Fourier space against GalSim, and the PSF and artefacts that go with it."""

import galsim
import numpy as np
import tensorflow as tf

from tfds_builders.simulation.artefacts import ARTEFACTS, FULL_WELL, add_artefacts
from tfds_builders.simulation.cfht import MOFFAT_BETA, Psf, draw_psf
from tfds_builders.simulation.fourier import Component, Grid, sersic

SCALE = 0.187
PSF = Psf(0.65, (0.05, -0.02), (0.01, 0.02))


def drawn_by_galsim(components, offset=(0, 0)):
    profiles = [
        galsim.Sersic(c.sersic_index, half_light_radius=c.half_light_radius, flux=c.flux).shear(
            q=c.axis_ratio, beta=c.position_angle * galsim.radians
        )
        for c in components
    ]
    seen = galsim.Convolve(galsim.Add(profiles), PSF.profile())
    return seen.drawImage(nx=51, ny=51, scale=SCALE, offset=offset, dtype=float).array


class FourierTest(tf.test.TestCase):
    def test_same_images_as_galsim_draws(self):
        exponential = Component(1.0, 0.3, 1.0, 0.4, 0.3)
        cases = {
            "disc": ([exponential], (0, 0), 128),
            "disc at the corner": ([exponential], (-25, 24), 128),
            "gaussian": ([Component(1.0, 0.15, 0.5, 0.8, 1.0)], (3, -7), 128),
            "index between two tables": ([Component(1.0, 0.4, 3.35, 0.6, 2.0)], (0, 0), 128),
            "bulge and disc": (
                [Component(0.4, 0.6, 4.0, 0.7, 1.0), Component(0.6, 1.0, 1.0, 0.5, 1.1)],
                (10, -25),
                192,
            ),
        }
        for name, (components, offset, size) in cases.items():
            with self.subTest(name):
                grid = Grid(size, SCALE)
                total = sum(each.transform(grid) for each in components)
                seen = grid.shifted(total * PSF.transform(grid), *offset)
                difference = grid.image(seen, 51) - drawn_by_galsim(components, offset)
                self.assertLess(np.abs(difference).sum(), 0.003)
                self.assertLess(np.abs(difference).max(), 1e-4)

    def test_transform_of_a_disc_in_closed_form(self):
        # The transform of exp(-r/h) is (1 + (k h)^2)^(-3/2); half the light lies within 1.678 h.
        k = np.geomspace(0.01, 30, 100)
        expected = (1 + (k / 1.67835) ** 2) ** -1.5
        self.assertAllClose(sersic(1.0)((k**2).astype(np.float32)), expected, atol=2e-4)

    def test_fine_image_keeps_flux_and_place(self):
        # Of even size, so that its centre lies between pixels; 0.6 and -0.3 arcsec from it.
        y, x = np.mgrid[:128, :128] - 63.5
        blob = np.exp(-((x - 20) ** 2 + (y + 10) ** 2) / 50)
        grid = Grid(128, SCALE)
        image = grid.image(grid.transform_of(blob, 0.03) * PSF.transform(grid), 51)
        rows, columns = np.mgrid[:51, :51] - 25
        # The PSF takes 0.2 % beyond the stamp.
        self.assertAllClose(image.sum(), blob.sum(), rtol=5e-3)
        self.assertAllClose((image * columns).sum() / image.sum(), 0.6 / SCALE, rtol=0.01)
        self.assertAllClose((image * rows).sum() / image.sum(), -0.3 / SCALE, rtol=0.01)


class CfhtTest(tf.test.TestCase):
    def test_fwhm_is_that_of_the_whole(self):
        image = Psf(0.65, (0, 0), (0, 0)).profile().drawImage(nx=256, ny=256, scale=0.02)
        self.assertAllClose(image.calculateFWHM(), 0.65, rtol=3e-3)
        self.assertEqual(MOFFAT_BETA, 4.765)

    def test_drawn_psfs(self):
        rng = np.random.default_rng(0)
        psfs = [draw_psf(rng, 0.65, 0.1) for _ in range(2000)]
        fwhm = np.array([psf.fwhm for psf in psfs])
        # Five standard errors.
        self.assertAllClose(fwhm.mean(), 0.65, atol=5 * 0.065 / 2000**0.5)
        self.assertAllClose(np.log(fwhm).std(), 0.1, rtol=5 / 4000**0.5)
        turbulence = np.array([psf.turbulence_shear for psf in psfs])
        self.assertAllClose(turbulence.std(axis=0), [0.01, 0.01], rtol=5 / 4000**0.5)


class ArtefactsTest(tf.test.TestCase):
    def test_every_kind_shows_in_its_flag(self):
        rng = np.random.default_rng(0)
        seen = []
        for _ in range(60):
            image = np.zeros((51, 51), np.float32)
            has = add_artefacts(image, PSF, SCALE, 1e13, 0.5, rng)
            self.assertEqual(set(has), set(ARTEFACTS))
            self.assertAllInRange(image, 0, FULL_WELL * (1 + 1e-6))
            if has["saturated_star"]:
                self.assertGreater(image.sum(), 1e5)
            elif has["cosmic_ray"]:
                self.assertGreater(image.max(), 50)
            elif not has["bad_column"]:
                self.assertAllEqual(image, np.zeros_like(image))
            seen.append(list(has.values()))
        self.assertAllInRange(np.mean(seen, axis=0), 0.25, 0.75)


if __name__ == "__main__":
    tf.test.main()
