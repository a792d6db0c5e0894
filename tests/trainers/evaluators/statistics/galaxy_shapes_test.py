import galsim
import numpy as np
import tensorflow as tf

from trainers.evaluators.statistics.galaxy_shapes import ksb_shears


class GalaxyShapesTest(tf.test.TestCase):
    def test_shears_that_galsim_applied(self):
        psf = galsim.Moffat(beta=4.0, fwhm=0.8)
        pixels = psf.drawImage(nx=33, ny=33, scale=0.2).array
        applied = [(0.0, 0.0), (0.08, 0.0), (0.0, -0.05)]
        images, places = [], []
        for number, (g1, g2) in enumerate(applied):
            galaxy = galsim.Gaussian(flux=50.0, half_light_radius=0.7).shear(g1=g1, g2=g2)
            offset = (0.3 * number, -0.4)
            image = galsim.Convolve(galaxy, psf).drawImage(nx=48, ny=48, scale=0.2, offset=offset)
            images.append(image.array)
            places.append((23.5 + offset[0], 23.5 + offset[1]))
        x, y = np.transpose(places)
        shears = ksb_shears(np.stack(images), np.stack([pixels] * 3), x, y)
        self.assertAllClose(shears, applied, atol=3e-3)

    def test_an_image_without_a_galaxy_has_no_shape(self):
        images, psfs = np.zeros((1, 16, 16)), np.ones((1, 9, 9))
        self.assertTrue(np.isnan(ksb_shears(images, psfs, np.array([8.0]), np.array([8.0]))).all())


if __name__ == "__main__":
    tf.test.main()
