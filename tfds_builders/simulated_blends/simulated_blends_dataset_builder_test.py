"""The three configurations through TFDS's own test case, what they draw and what they refuse."""

import tempfile
from pathlib import Path

import astropy.io.fits
import astropy.table
import galsim
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

import tfds_builders
from tests import galaxy_data
from tfds_builders.simulated_blends.blends import QUANTUM, Stamps
from tfds_builders.simulated_blends.configs import BlendsConfig, CosmosConfig
from tfds_builders.simulated_blends.fit_population import sersic_fits
from tfds_builders.simulated_blends.population import PopulationGalaxies
from tfds_builders.simulated_blends.simulated_blends_dataset_builder import Builder
from tfds_builders.simulation.cfht import Psf
from tfds_builders.simulation.cosmos import ParametricGalaxies, RealGalaxies
from tfds_builders.simulation.cosmos_tables import FITS_COLUMNS, read_table
from tfds_builders.simulation.fourier import Grid
from tfds_builders.splits import SPLITS

NUM_GALAXIES = 80
SIZES = {"num_train": 12, "num_validation": 4, "num_test": 6, "processes": 1}
COUNTS = {"train": 12, "validation": 4, "test": 6}
# Counts in 300 s from a source of one count per second with HST, 26.74 - 25.94 mag brighter.
SCALE = 300 * 10 ** (0.4 * 0.8)


def fits_table():
    """Returns parametric fits as GalSim has them, bulges with discs by turns."""
    rng = np.random.default_rng(1)
    number = np.arange(NUM_GALAXIES)
    magnitude = rng.uniform(21, 25, NUM_GALAXIES)
    flux = 10 ** (-0.4 * (magnitude - 25.94))
    sersic, bulge = np.ones((NUM_GALAXIES, 8)), np.ones((NUM_GALAXIES, 16))
    sersic[:, 2] = rng.uniform(0.5, 4, NUM_GALAXIES)
    sersic[:, 3] = bulge[:, 3] = bulge[:, 11] = rng.uniform(0.3, 1, NUM_GALAXIES)
    sersic[:, 7] = bulge[:, 7] = bulge[:, 15] = rng.uniform(0, 3, NUM_GALAXIES)
    return astropy.table.Table(
        {
            "IDENT": 1000 + number,
            "mag_auto": magnitude,
            "flux_radius": np.full(NUM_GALAXIES, 8.0),
            "sersicfit": sersic,
            "bulgefit": bulge,
            "fit_status": np.ones((NUM_GALAXIES, 5), int),
            "use_bulgefit": number % 2,
            "viable_sersic": np.ones(NUM_GALAXIES, int),
            "hlr": np.tile([0.3, 0.2, 0.4], (NUM_GALAXIES, 1)),
            "flux": flux[:, None] * [1.0, 0.3, 0.7, 1.0],
        }
    )


def write_fits(folder, change=None, name="real_galaxy_catalog_25.2_fits.fits"):
    folder.mkdir(parents=True, exist_ok=True)
    table = fits_table()
    if change is not None:
        change(table)
    table.write(folder / name, overwrite=True)
    return folder


def write_images(folder):
    """Writes a catalogue with an image and a PSF of each galaxy, several to a file."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:41, :41] - 20
    files = {name: [] for name in ("images_n1.fits", "images_n2.fits", "psfs.fits")}
    rows = []
    psf = np.exp(-(x**2 + y**2) / 8)[8:-8, 8:-8]
    for number in range(NUM_GALAXIES):
        width = rng.uniform(20, 60)
        image = np.exp(-(x**2 + 2 * y**2 + 0.5 * x * y) / width)
        name = f"images_n{1 + number % 2}.fits"
        files[name].append((image / image.sum() * 10).astype(np.float32))
        files["psfs.fits"].append((psf / psf.sum()).astype(np.float32))
        magnitude = rng.uniform(22, 25)
        places = (len(files[name]) - 1, number)
        rows.append((1000 + number, magnitude, name, "psfs.fits", *places, 0.03, 1e-5, 10.0))
    for name, images in files.items():
        extensions = [astropy.io.fits.ImageHDU(image) for image in images[1:]]
        hdus = [astropy.io.fits.PrimaryHDU(images[0]), *extensions]
        astropy.io.fits.HDUList(hdus).writeto(folder / name)
    names = ("IDENT", "MAG", "GAL_FILENAME", "PSF_FILENAME", "GAL_HDU", "PSF_HDU")
    names += ("PIXEL_SCALE", "NOISE_VARIANCE", "stamp_flux")
    table = astropy.table.Table(rows=rows, names=names)
    table.write(folder / "real_galaxy_catalog_25.2.fits", overwrite=True)
    return folder


def build(config, manual_dir=None):
    builder = tfds_builders.builder("simulated_blends", config=config, data_dir=tempfile.mkdtemp())
    manual_dir = None if manual_dir is None else str(manual_dir)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
    )
    return builder


class SimulatedTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = COUNTS
    BUILDER_CONFIG_NAMES_TO_TEST = [  # noqa: RUF012
        BlendsConfig(name="tiny", max_sources=3, artefact_fraction=0.3, **SIZES)
    ]


class CosmosTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = COUNTS
    BUILDER_CONFIG_NAMES_TO_TEST = [  # noqa: RUF012
        CosmosConfig(name="parametric_tiny", **SIZES),
        CosmosConfig(name="real_tiny", real=True, **SIZES),
    ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp()
        # As galsim_download_cosmos has it: a folder of that name.
        folder = Path(cls.folder) / "COSMOS_25.2_training_sample"
        write_fits(folder)
        write_images(folder)

    @property
    def dummy_data(self):
        return epath.Path(self.folder)


class StampsTest(tf.test.TestCase):
    def test_half_are_blended_with_integer_offsets_in_the_stamp(self):
        stamps = Stamps(BlendsConfig(name="x", seed=3))
        examples = [stamps.draw("train", index) for index in range(400)]
        labels = np.array([each["label"] for each in examples])
        self.assertAllEqual(labels.reshape(-1, 2).sum(axis=1), np.ones(200))
        offsets = np.array([(each["offset_x"], each["offset_y"]) for each in examples])
        self.assertAllEqual(offsets[labels == 0], np.zeros((200, 2)))
        self.assertAllInRange(offsets, -25, 24)
        # Uniform on 50 numbers: five standard errors.
        self.assertAllClose(offsets[labels == 1].mean(axis=0), [-0.5, -0.5], atol=5 * 14.4 / 14)
        separation = np.array([each["separation"] for each in examples])
        self.assertAllClose(separation, np.hypot(*offsets.T))
        flux = np.array([each["flux"] for each in examples])
        self.assertAllEqual(flux[:, 1] > 0, labels == 1)
        self.assertAllEqual([each["num_sources"] for each in examples], labels + 1)

    def test_first_source_is_in_the_middle_pixel_and_the_second_where_it_is_said_to_be(self):
        stamps = Stamps(BlendsConfig(name="x", seeing_scatter=0.0))
        brightest = 0
        for index in range(60):
            example = stamps.draw("test", index)
            image = example["image"][:, :, 0]
            x, y = int(example["offset_x"]), int(example["offset_y"])
            peaks = [image[25, 25]] + [image[25 + y, 25 + x]] * (example["separation"] > 8)
            for peak, place in zip(peaks, ((25, 25), (25 + y, 25 + x)), strict=False):
                rows, columns = (slice(max(each - 1, 0), each + 2) for each in place)
                # A much brighter neighbour may have a steeper slope there.
                brightest += peak == image[rows, columns].max()
        self.assertGreater(brightest, 70)

    def test_centres_scatter(self):
        config = BlendsConfig(name="x", centre_scatter=1.5, seed=2)
        stamps = Stamps(config)
        grid = np.arange(51) - 25.0
        drawn, measured = [], []
        for index in range(120):
            scene = stamps.scene("train", index)
            # Smaller ones have all their light in the stamp.
            if len(scene.galaxies) == 1 and scene.galaxies[0].half_light_radius < 0.4:
                image = scene.image().astype(np.float64)
                measured.append([image.sum(axis=0) @ grid, image.sum(axis=1) @ grid] / image.sum())
                drawn.append(scene.centre)
        self.assertGreater(len(drawn), 20)
        self.assertAllClose(measured, drawn, atol=0.1)
        # Seven standard errors of a standard deviation of 40 numbers or more.
        self.assertNear(np.std(drawn), 1.5, 7 * 1.5 / np.sqrt(2 * len(drawn) * 2))

    def test_flux_is_that_of_the_catalogue_at_the_survey(self):
        folder = write_fits(Path(tempfile.mkdtemp()))
        table = read_table(epath.Path(folder / "real_galaxy_catalog_25.2_fits.fits"), FITS_COLUMNS)
        stamps = Stamps(CosmosConfig(name="x"), str(folder))
        for index in range(6):
            example = stamps.draw("train", index)
            rows = example["catalogue_index"][: example["num_sources"]]
            expected = table["flux"][rows, 0] * SCALE
            self.assertAllClose(example["flux"][: len(rows)], expected, rtol=1e-5)
            if example["label"] == 0:
                self.assertAllClose(example["image"].sum(), expected[0], rtol=0.03)
            self.assertAllEqual(example["image"] % QUANTUM, np.zeros((51, 51, 1)))

    def test_more_sources_are_padded(self):
        stamps = Stamps(BlendsConfig(name="x", max_sources=4))
        examples = [stamps.draw("train", index) for index in range(120)]
        numbers = np.array([each["num_sources"] for each in examples])
        self.assertEqual(set(numbers), {1, 2, 3, 4})
        for example, number in zip(examples, numbers, strict=True):
            self.assertEqual(example["offset_x"].shape, (3,))
            self.assertEqual(example["flux"].shape, (4,))
            self.assertEqual(np.count_nonzero(example["flux"]), number)
            distances = np.hypot(example["offset_x"], example["offset_y"])[: number - 1]
            self.assertAllClose(example["separation"], distances.min() if number > 1 else 0.0)

    def test_no_galaxy_in_two_splits(self):
        folder = write_images(write_fits(Path(tempfile.mkdtemp())))
        seen = {}
        for real in (False, True):
            stamps = Stamps(CosmosConfig(name="x", real=real), str(folder))
            for split in SPLITS:
                drawn = [stamps.draw(split, i)["catalogue_index"] for i in range(40)]
                seen.setdefault(split, set()).update(np.ravel(drawn).tolist())
                pairs = np.array([each for each in drawn if each[1] >= 0])
                self.assertTrue((pairs[:, 0] != pairs[:, 1]).all())
        for split in SPLITS:
            # Catalogues with the same IDENT agree.
            others = set().union(*(seen[other] for other in SPLITS if other != split))
            self.assertEqual(seen[split] & others, {-1})

    def test_bytes_do_not_depend_on_the_number_of_processes(self):
        # More than one file in each split, so that there is work for two.
        numbers = {"num_train": 1002, "num_validation": 2, "num_test": 2}
        files = []
        for processes in (1, 2):
            builder = build(BlendsConfig(name="x", processes=processes, **numbers))
            folder = Path(builder.data_dir)
            files.append({path.name: path.read_bytes() for path in folder.glob("*.tfrecord*")})
        self.assertLen(files[0], 5)
        self.assertEqual(files[0], files[1])


class GalaxiesTest(tf.test.TestCase):
    def test_parametric_galaxies_are_those_of_galsim(self):
        folder = galaxy_data.path("cosmos")
        name = "cosmos_25.2_parametric_fits.fits"
        ours = ParametricGalaxies(str(folder), 25.2, 1.0, rotate=False)
        self.assertEqual(ours.path.name, name)
        theirs = galsim.COSMOSCatalog(name, dir=str(folder), use_real=False, exclusion_level="none")
        psf, grid = Psf(0.65, (0.02, 0), (0, 0)), Grid(192, 0.187)
        for index in ours.members["test"][:20]:
            galaxy = ours.galaxy(int(index), 0.0)
            image = grid.image(galaxy.transform(grid) * psf.transform(grid), 51)
            seen = galsim.Convolve(theirs.makeGalaxy(int(index)), psf.profile())
            expected = seen.drawImage(nx=51, ny=51, scale=0.187).array
            self.assertLess(np.abs(image - expected).sum(), 0.01 * galaxy.flux)

    def test_real_galaxies_are_those_of_galsim(self):
        folder = galaxy_data.path("cosmos")
        ours = RealGalaxies(str(folder), 25.2, 1.0, rotate=False)
        catalogue = galsim.RealGalaxyCatalog(ours.path.name, dir=str(folder))
        psf, grid = Psf(0.65, (0.02, 0), (0, 0)), Grid(128, 0.187)
        for index in ours.members["test"]:
            galaxy = ours._galaxy(int(index), 0)
            image = grid.image(galaxy.transform(grid) * psf.transform(grid), 51)
            original = galsim.RealGalaxy(catalogue, index=int(index))
            seen = galsim.Convolve(original, psf.profile())
            expected = seen.drawImage(nx=51, ny=51, scale=0.187).array
            self.assertLess(np.abs(image - expected).sum(), 0.01 * galaxy.flux)

    def test_population_is_that_of_the_catalogue(self):
        path = galaxy_data.path("cosmos/cosmos_25.2_parametric_fits.fits")
        magnitude, radius, index, ratio = sersic_fits(read_table(epath.Path(path), FITS_COLUMNS))
        rng = np.random.default_rng(0)
        drawn = PopulationGalaxies(25.2, 1.0).draw(rng, "train", 4000)
        for name, values, expected, tolerance in (
            ("magnitude", [-2.5 * np.log10(each.flux) for each in drawn], magnitude, 0.12),
            ("radius", [np.log(each.half_light_radius) for each in drawn], np.log(radius), 0.08),
            (
                "index",
                [np.log(each.components[0].sersic_index) for each in drawn],
                np.log(np.clip(index, 0.3, 6)),
                0.2,
            ),
            ("ratio", [each.components[0].axis_ratio for each in drawn], ratio, 0.04),
        ):
            with self.subTest(name):
                wanted = np.percentile(expected, [16, 50, 84])
                self.assertAllClose(np.percentile(values, [16, 50, 84]), wanted, atol=tolerance)


class BadInputTest(tf.test.TestCase):
    def check(self, config, folder, *words, error=ValueError):
        with self.assertRaises(error) as caught:
            build(config, folder)
        message = str(caught.exception)
        for word in words:
            self.assertIn(word, message)
        self.assertNotIn("\n", message)

    def test_nothing_there(self):
        for config in ("cosmos_parametric", "cosmos_real"):
            self.check(config, tempfile.mkdtemp(), "manual_dir", config, error=FileNotFoundError)
            folder = Path(tempfile.mkdtemp())
            (folder / "notes.txt").write_text("nothing here")
            words = (str(folder), "no FITS table with the columns IDENT", "galsim_download_cosmos")
            self.check(config, folder, *words, error=FileNotFoundError)

    def test_named_catalogue(self):
        folder = write_fits(Path(tempfile.mkdtemp()))
        config = CosmosConfig(name="x", catalogue="other.fits", **SIZES)
        self.check(config, folder, "no file other.fits", error=FileNotFoundError)
        (folder / "other.fits").write_bytes(b"SIMPLE  =                    T")
        self.check(config, folder, "other.fits: not a readable FITS table")
        write_fits(folder, lambda table: table.remove_column("hlr"), name="other.fits")
        self.check(config, folder, "other.fits: column hlr is missing")

    def test_too_few_galaxies(self):
        def spoil(table):
            table["fit_status"][5:] = 0

        folder = write_fits(Path(tempfile.mkdtemp()), spoil)
        config = CosmosConfig(name="x", **SIZES)
        self.check(config, folder, "5 usable galaxies are too few")

    def test_missing_and_broken_images(self):
        config = CosmosConfig(name="x", real=True, **SIZES)
        folder = write_images(Path(tempfile.mkdtemp()))
        path = folder / "images_n2.fits"
        whole = path.read_bytes()
        path.unlink()
        self.check(config, folder, "images_n2.fits must lie beside it", error=FileNotFoundError)
        path.write_bytes(whole[:-3000])
        self.check(config, folder, "images_n2.fits: image ", "truncated")
        with astropy.io.fits.open(folder / "images_n1.fits") as hdus:
            for hdu in hdus:
                hdu.data[3, 4] = np.nan
            path.write_bytes(whole)
            hdus.writeto(folder / "images_n1.fits", overwrite=True)
        self.check(config, folder, "images_n1.fits: image ", "1 pixels are NaN or infinite")

    def test_options(self):
        for options, message in (
            ({"num_test": 1}, "num_test must be at least 2; got 1"),
            ({"seed": -1}, "seed must be at least 0; got -1"),
            ({"faint": 17.0}, "faint must be above 18.0 .* got 17.0"),
            ({"exposure_time": 0.0}, "exposure_time must be positive; got 0.0"),
            ({"psf_fwhm": 0.2}, "psf_fwhm must be between 0.5 and 2 arcsec; got 0.2"),
            ({"seeing_scatter": 1.0}, "seeing_scatter must be between 0 and 0.3; got 1.0"),
            ({"centre_scatter": -1.0}, "centre_scatter must be between 0 and 5; got -1.0"),
            ({"max_sources": 1}, "max_sources must be between 2 and 8; got 1"),
            ({"artefact_fraction": 2.0}, "artefact_fraction must be between 0 and 1; got 2.0"),
            ({"processes": 0}, "processes must be at least 1; got 0"),
        ):
            with self.subTest(**options), self.assertRaisesRegex(ValueError, message):
                BlendsConfig(name="x", **options)


if __name__ == "__main__":
    tfds.testing.test_main()
