"""Sheared sources against GalSim, and pairs of opposite shears."""

import dataclasses

import galsim
import numpy as np
import tensorflow as tf

from tfds_builders.galaxy_scenes.cameras import camera
from tfds_builders.galaxy_scenes.configs import StampsConfig
from tfds_builders.galaxy_scenes.isolated import draw_isolated
from tfds_builders.galaxy_scenes.scenes import Scenes
from tfds_builders.galaxy_scenes.scenes_test import median_psf, unpacked, with_galsim
from tfds_builders.galaxy_scenes.shears import sheared
from tfds_builders.galaxy_scenes.sky import Placed
from tfds_builders.galaxy_scenes.sources import draw_galaxy, draw_star


class ShearsTest(tf.test.TestCase):
    def test_sheared_sources_are_those_of_galsim(self):
        lsst, shear = camera("lsst"), galsim.Shear(g1=0.06, g2=-0.03)
        psf = median_psf("lsst")
        drawn = {}
        for seed in range(40):
            rng = np.random.default_rng(seed)
            source = draw_galaxy(rng, 19.5, lsst)
            kinds = {type(light.shape) for light in source.lights}
            drawn.setdefault((source.kind, len(kinds)), source)
        # A spheroid, disks and irregulars, of profiles alone and with images.
        self.assertGreaterEqual(len(drawn), 4)
        for source in drawn.values():
            placed = Placed(source, 30.3, 36.2)
            seen = sheared(placed, shear, 32)
            x, y = shear.getMatrix() @ (placed.x - 32, placed.y - 32)
            self.assertAllClose([seen.x, seen.y], [32 + x, 32 + y])
            isolated = draw_isolated(seen, psf)
            expected = with_galsim(
                dataclasses.replace(isolated, placed=placed), psf, 2, shear, seen
            )
            difference = np.abs(isolated.image[2] - expected).sum() / expected.sum()
            self.assertLess(difference, 0.015)
            unsheared = draw_isolated(placed, psf).image
            self.assertAllClose(unsheared.sum(), isolated.image.sum(), rtol=0.01)

    def test_ellipticity_of_the_catalogue_is_sheared(self):
        source = draw_galaxy(np.random.default_rng(2), 22.0, camera("lsst"))
        seen = sheared(Placed(source, 32, 32), galsim.Shear(g2=0.1), 32).source
        e = complex(*source.ellipticity)
        # Seitz & Schneider 1997 (A&A 318, 687).
        self.assertAllClose(complex(*seen.ellipticity), (e + 0.1j) / (1 - 0.1j * e))
        star = Placed(draw_star(np.random.default_rng(2), 22.0, camera("lsst")), 20, 20)
        self.assertIs(sheared(star, galsim.Shear(g2=0.1), 32), star)

    def test_each_scene_twice_with_the_same_noise(self):
        config = StampsConfig(name="x", survey="decals", size=32, shear=0.05, stars=0.0)
        scenes = Scenes(config)
        plain = Scenes(dataclasses.replace(config, shear=0.0))
        for index, scene, g in (
            (0, 0, (0.05, 0)),
            (1, 0, (-0.05, 0)),
            (2, 1, (0, 0.05)),
            (3, 1, (0, -0.05)),
        ):
            example = scenes.draw("test", index)
            self.assertEqual(example["scene"], scene)
            self.assertAllClose(example["shear"], g)
            other = plain.draw("test", scene)
            self.assertAllClose(example["flux"], other["flux"])
            noise = []
            for each in (example, other):
                image, noiseless = (
                    unpacked(each[name], (32, 32, 3)) for name in ("image", "noiseless")
                )
                faint = noiseless < 0.1 * each["noise_sigma"]
                noise.append(np.where(faint, image - noiseless, 0))
            self.assertGreater(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1], 0.9)
            self.assertNotIn("shear", other)


if __name__ == "__main__":
    tf.test.main()
