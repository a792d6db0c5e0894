"""Galaxies of the COSMOS sample as sources of scenes, against the rows of its table."""

import numpy as np
import tensorflow as tf
from etils import epath

from tests import galaxy_data
from tfds_builders.galaxy_scenes.cameras import camera, nanojansky
from tfds_builders.galaxy_scenes.configs import FieldsConfig, StampsConfig
from tfds_builders.galaxy_scenes.cosmos_galaxies import CosmosGalaxies, shared_sample
from tfds_builders.galaxy_scenes.scenes import Scenes
from tfds_builders.galaxy_scenes.sources import CLASSES
from tfds_builders.simulation.cosmos_tables import FITS_COLUMNS, good_fits, read_table
from tfds_builders.splits import SPLITS

CATALOGUE = "cosmos_25.2_parametric_fits.fits"


class CosmosGalaxiesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = str(galaxy_data.path("cosmos"))
        cls.sample = shared_sample(cls.folder, CATALOGUE)
        rows = read_table(epath.Path(cls.folder) / CATALOGUE, FITS_COLUMNS)
        cls.rows = rows[good_fits(rows)]

    def draw(self, i, number, split="train"):
        galaxies = CosmosGalaxies(self.sample, split, camera("lsst"))
        rng = np.random.default_rng(2)
        return [galaxies.draw(rng, i) for _ in range(number)]

    def test_magnitudes_and_sizes_are_those_of_the_sample(self):
        for i in (21.0, 23.5, 25.0):
            drawn = self.draw(i, 300)
            # The third band is i, in which the parts add up.
            self.assertAllClose([each.flux[3] for each in drawn], [nanojansky(i)] * 300, rtol=1e-5)
            near = self.rows[np.abs(self.rows["mag_auto"] - i) < 0.1]
            radius = np.log([each.half_light_radius for each in drawn])
            # Five standard errors of a median, and those of the few that are nearest.
            self.assertAllClose(
                np.median(radius), np.median(np.log(near["hlr"][:, 0])), atol=5 * 0.6 / np.sqrt(50)
            )
            redshift = np.median([each.redshift for each in drawn])
            self.assertAllClose(redshift, np.median(near["zphot"]), atol=0.25)

    def test_spheroids_and_disks(self):
        drawn = self.draw(22.0, 200)
        kinds = np.array([CLASSES[each.kind] for each in drawn])
        self.assertAllInRange(np.mean(kinds == "spheroid"), 0.1, 0.6)
        for source, kind in zip(drawn, kinds, strict=True):
            first = source.lights[0].shape
            if len(source.lights) == 1:
                self.assertEqual(kind == "spheroid", first.sersic_index >= 2.5)
            else:
                self.assertEqual(kind == "spheroid", source.bulge_fraction >= 0.5)
                self.assertEqual(source.axis_ratio, source.lights[1].shape.axis_ratio)

    def test_fainter_than_the_sample(self):
        faintest = float(self.rows["mag_auto"].max())
        sizes = [
            np.median([each.half_light_radius for each in self.draw(i, 200)])
            for i in (faintest, faintest + 1.5)
        ]
        # The same galaxies, smaller by 10^(-0.12 x 1.5).
        self.assertAllClose(sizes[1] / sizes[0], 10**-0.18, rtol=1e-3)

    def test_no_galaxy_in_two_splits(self):
        radii = {
            split: {each.half_light_radius for each in self.draw(22.0, 60, split)}
            for split in SPLITS
        }
        for split in SPLITS:
            members = self.sample.members[split]
            owned = {float(row["hlr"][0]) for row in self.sample._rows[members]}
            self.assertContainsSubset(radii[split], owned)

    def test_scenes(self):
        for config in (
            FieldsConfig(name="x", galaxies="cosmos", catalogue=CATALOGUE, survey="decals"),
            StampsConfig(name="x", galaxies="cosmos", catalogue=CATALOGUE),
        ):
            scenes = Scenes(config, self.folder)
            example = scenes.draw("test", 0)
            self.assertGreater(example["num_sources"], 0)
            self.assertNotIn(CLASSES.index("irregular"), example["class"])
            again = Scenes(config, self.folder).draw("test", 0)
            self.assertEqual(example["image"], again["image"])


if __name__ == "__main__":
    tf.test.main()
