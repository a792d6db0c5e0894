"""The four configurations through TFDS's own test case, and what they refuse."""

import bz2
import contextlib
import functools
import io
import tempfile
from pathlib import Path
from unittest import mock

import astropy.io.fits
import astropy.wcs
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import tree
from etils import epath

import tfds_builders
from tfds_builders.sdss_star_galaxy.configs import FramesConfig, RecordsConfig, SimulatedConfig
from tfds_builders.sdss_star_galaxy.sdss_star_galaxy_dataset_builder import Builder
from tfds_builders.splits import SPLITS, split_of

NUM_OBJECTS = 24
IDS = [str(1237648720000000000 + number) for number in range(NUM_OBJECTS)]
COUNTS = {split: sum(split_of(name) == split for name in IDS) for split in SPLITS}
FIELD = {"run": 3836, "rerun": 301, "camcol": 4, "field": 84}
BANDS = "ugriz"


def records(ids=IDS, seed=0):
    """Returns objects as seed S3 has them, stars and galaxies by turns."""
    rng = np.random.default_rng(seed)
    kind = [("objID", "i8"), ("image", "f4", (5, 64, 64)), ("class", "S6"), ("z", "f4")]
    array = np.zeros(len(ids), kind)
    array["objID"] = [int(name) for name in ids]
    array["image"] = rng.normal(size=(len(ids), 5, 64, 64))
    array["class"] = [(b"STAR", b"GALAXY")[number % 2] for number in range(len(ids))]
    array["z"] = rng.uniform(0, 0.5, len(ids))
    return array


def write_labelled(folder):
    """Writes objects to files of several, of one, and of fields of dtype object."""
    folder.mkdir(parents=True, exist_ok=True)
    array = records()
    np.save(folder / "many.npy", array[:16].view(np.recarray))
    for number in range(16, 20):
        np.save(folder / f"one_{number}.npy", array[number])
    objects = np.empty(4, [(name, "O") for name in array.dtype.names])
    for row, record in enumerate(array[20:]):
        objects[row] = (int(record["objID"]), record["image"], str(record["class"], "ascii"), 0.1)
    np.save(folder / "objects.npy", objects.view(np.recarray), allow_pickle=True)


def write_unlabelled(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, record in zip(IDS, records(), strict=True):
        array = np.zeros((), [("image", "f4", (5, 64, 64))])
        array["image"] = record["image"]
        np.save(folder / f"{name}.npy", array)


def frame_wcs(shift=(0.0, 0.0)):
    wcs = astropy.wcs.WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, 2.0]
    wcs.wcs.crpix = [160.0 + shift[0], 128.0 + shift[1]]
    # North is not up in SDSS frames.
    angle = np.radians(20.0)
    wcs.wcs.cd = 1.1e-4 * np.array(
        [[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    return wcs


@functools.cache
def positions():
    return np.random.default_rng(5).uniform((60, 60), (260, 196), (NUM_OBJECTS, 2))


def write_frames(folder, skip_bands=""):
    """Writes a table and five frames, shifted among each other, with a point at each object."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = (256, 320)
    y, x = np.mgrid[: shape[0], : shape[1]]
    sky = frame_wcs().all_pix2world(positions(), 0)
    for number, band in enumerate(BANDS):
        wcs = frame_wcs(shift=(1.3 * (number - 2), -0.7 * (number - 2)))
        image = np.zeros(shape)
        for column, row in wcs.all_world2pix(sky, 0):
            image += 50 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 8) / (8 * np.pi)
        stream = io.BytesIO()
        astropy.io.fits.PrimaryHDU(image.astype(np.float32), wcs.to_header()).writeto(stream)
        name = f"frame-{band}-003836-4-0084.fits"
        if band in skip_bands:
            continue
        if number % 2:
            (folder / name).write_bytes(stream.getvalue())
        else:
            (folder / f"{name}.bz2").write_bytes(bz2.compress(stream.getvalue()))
    lines = ["#Table1", "objID,ra,dec,class,z,run,rerun,camcol,field"]
    for name, (ra, dec), record in zip(IDS, sky, records(), strict=True):
        numbers = ",".join(str(value) for value in FIELD.values())
        lines.append(f"{name},{ra:.9f},{dec:.9f},{record['class'].decode()},0.1,{numbers}")
    (folder / "objects.csv").write_text("\n".join(lines) + "\n")
    return lines


def build(config, manual_dir=None):
    builder = tfds_builders.builder("sdss_star_galaxy", config=config, data_dir=tempfile.mkdtemp())
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=None if manual_dir is None else str(manual_dir)
        )
    )
    return builder


def read(builder):
    examples = (
        example for split in SPLITS for example in tfds.as_numpy(builder.as_dataset(split=split))
    )
    return {example["id"].decode(): example for example in examples}


class SimulatedTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = {"train": 27, "validation": 3, "test": 10}  # noqa: RUF012
    BUILDER_CONFIG_NAMES_TO_TEST = [  # noqa: RUF012
        SimulatedConfig(name="tiny", num_objects=40, processes=1)
    ]


class _ManualTest(tfds.testing.DatasetBuilderTestCase):
    """A configuration that reads files which the test writes."""

    DATASET_CLASS = Builder
    SPLITS = COUNTS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp()
        cls.write(Path(cls.folder))

    @property
    def dummy_data(self):
        return epath.Path(self.folder)


class LabeledTest(_ManualTest):
    BUILDER_CONFIG_NAMES_TO_TEST = ["labeled"]  # noqa: RUF012
    write = staticmethod(write_labelled)


class UnlabeledTest(_ManualTest):
    BUILDER_CONFIG_NAMES_TO_TEST = ["unlabeled"]  # noqa: RUF012
    write = staticmethod(write_unlabelled)


class FramesTest(_ManualTest):
    BUILDER_CONFIG_NAMES_TO_TEST = ["frames"]  # noqa: RUF012
    write = staticmethod(write_frames)


# TFDS's case would run for the base class too, without files.
del _ManualTest


class ContentTest(tf.test.TestCase):
    def test_simulated_sky_is_described(self):
        config = SimulatedConfig(name="few", num_objects=40, processes=1)
        builder = build(config)
        metadata = builder.info.metadata
        self.assertEqual(list(metadata["bands"]), list(BANDS))
        self.assertEqual(metadata["units"], "nanomaggies")
        self.assertAllClose(sum(metadata["class_fractions"]), 1.0)
        example = next(iter(read(builder).values()))
        self.assertEqual(example["image"].shape, (64, 64, 5))
        self.assertEqual(example["image"].dtype, np.float32)
        self.assertAllInRange(example["model_magnitude"], 10, 30)

    def test_progress_is_told_of_all_splits_together(self):
        config = SimulatedConfig(name="few", num_objects=40, processes=1)
        printed = io.StringIO()
        with (
            mock.patch("tfds_builders.progress._LINE_SECONDS", 0.0),
            contextlib.redirect_stderr(printed),
        ):
            build(config)
        self.assertIn("simulating sdss_star_galaxy  40 of 40 objects", printed.getvalue())

    def test_labelled_records_arrive_whole(self):
        folder = Path(tempfile.mkdtemp())
        write_labelled(folder)
        builder = build("labeled", folder)
        examples = read(builder)
        self.assertCountEqual(examples, IDS)
        for record in records():
            example = examples[str(record["objID"])]
            self.assertAllEqual(example["image"], record["image"].transpose(1, 2, 0))
            self.assertEqual(example["label"], int(record["class"] == b"GALAXY"))
        # An unsupervised model would get the ratio of the true labels from them.
        again = tfds.builder_from_directory(builder.data_dir)
        self.assertNotIn("class_fractions", again.info.metadata)

    def test_stamps_from_frames_are_centred_in_every_band(self):
        folder = Path(tempfile.mkdtemp())
        write_frames(folder)
        y, x = np.mgrid[:64, :64] - 31.5
        for example in read(build("frames", folder)).values():
            core = np.where(np.hypot(x, y) < 5, 1.0, 0.0)[:, :, None] * example["image"]
            flux = core.sum(axis=(0, 1))
            centre = np.stack(
                [(core * axis[:, :, None]).sum(axis=(0, 1)) / flux for axis in (y, x)]
            )
            # Neighbours within five pixels pull at the centroid, alike in all bands.
            self.assertAllClose(centre, np.repeat(centre[:, 2:3], 5, axis=1), atol=0.05)
            self.assertAllClose(flux / flux[2], np.ones(5), atol=0.01)

    def test_missing_frames_are_downloaded(self):
        here, there = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
        write_frames(here, skip_bands="ui")
        write_frames(there)
        asked = []

        def download(urls):
            # As TFDS does, which sorts the keys.
            tree.map_structure(asked.append, urls)
            return {key: next(there.glob(f"frame-{key[1]}-*")) for key in urls}

        with mock.patch.object(tfds.download.DownloadManager, "download", side_effect=download):
            examples = read(build("frames", here))
        self.assertLen(examples, NUM_OBJECTS)
        root = "https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/3836/4"
        self.assertCountEqual(
            asked, [f"{root}/frame-{band}-003836-4-0084.fits.bz2" for band in ("u", "i")]
        )


class BadInputTest(tf.test.TestCase):
    def folder(self, **bad):
        """Returns a folder of labelled records, one of which has other values."""
        folder = Path(tempfile.mkdtemp())
        array = records()
        for name, value in bad.items():
            array[name][3] = value
        np.save(folder / "objects.npy", array)
        return folder

    def check(self, folder, *words, config="labeled"):
        with self.assertRaises(ValueError) as caught:
            build(config, folder)
        message = str(caught.exception)
        for word in words:
            self.assertIn(word, message)
        self.assertNotIn("\n", message)

    def test_unknown_class_names_file_and_object(self):
        folder = self.folder(**{"class": b"QSO"})
        self.check(folder, "objects.npy", IDS[3], "STAR, GALAXY", "QSO")

    def test_nan_pixels_and_redshifts(self):
        self.check(self.folder(image=np.nan), "objects.npy", IDS[3], "20480 pixels are NaN")
        self.check(self.folder(z=np.inf), "objects.npy", IDS[3], "z must be finite")

    def test_object_twice(self):
        self.check(self.folder(objID=int(IDS[2])), IDS[2], "already in objects.npy")
        # As text, with the spaces of a table of fixed width.
        kind = [("objID", "S20"), ("image", "f4", (5, 64, 64)), ("class", "S6"), ("z", "f4")]
        array = records().astype(kind)
        array["objID"][3] = f" {IDS[2]}".encode()
        folder = Path(tempfile.mkdtemp())
        np.save(folder / "objects.npy", array)
        self.check(folder, f"object {IDS[2]} is already in objects.npy")

    def test_wrong_shape_and_missing_field(self):
        folder = Path(tempfile.mkdtemp())
        np.save(folder / "small.npy", np.zeros(2, [("image", "f4", (5, 48, 48))]))
        self.check(folder, "small.npy", "(5, 64, 64)", "(5, 48, 48)", config="unlabeled")
        self.check(folder, "small.npy", "objID, class, z is missing")

    def test_no_manual_dir(self):
        for config in ("labeled", "frames"):
            with self.assertRaisesRegex(FileNotFoundError, f"manual_dir must be .*{config}; "):
                build(config, tempfile.mkdtemp())

    def test_empty_folder_and_too_few_objects(self):
        folder = Path(tempfile.mkdtemp())
        (folder / "notes.txt").write_text("nothing here")
        with self.assertRaisesRegex(FileNotFoundError, "no .npy files"):
            build("labeled", folder)
        np.save(folder / "objects.npy", records(IDS[:1]))
        self.check(folder, "1 objects are too few")

    def test_skipping_lists_what_is_left_out(self):
        folder = self.folder(image=np.nan)
        (folder / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00 and no more")
        builder = build(RecordsConfig(name="labeled_skip", on_error="skip"), folder)
        self.assertLen(read(builder), NUM_OBJECTS - 1)
        lines = tfds.builder_from_directory(builder.data_dir).info.metadata["left_out"]
        self.assertLen(lines, 2)
        self.assertIn("broken.npy", lines[0])
        self.assertIn(IDS[3], lines[1])

    def test_frames_at_the_edge(self):
        folder = Path(tempfile.mkdtemp())
        lines = write_frames(folder)
        ra, dec = frame_wcs().all_pix2world([[10.0, 128.0]], 0)[0]
        edge = f"77,{ra:.9f},{dec:.9f},STAR,0,3836,301,4,84"
        (folder / "objects.csv").write_text("\n".join([*lines, edge]))
        builder = build("frames", folder)
        self.assertLen(read(builder), NUM_OBJECTS)
        (line,) = builder.info.metadata["left_out"]
        self.assertIn("object 77", line)
        self.assertIn("edge", line)

    def test_bad_tables(self):
        folder = Path(tempfile.mkdtemp())
        lines = write_frames(folder)
        (folder / "objects.csv").write_text("\n".join(lines).replace("camcol", "column", 1))
        self.check(folder, "objects.csv", "camcol is missing", config="frames")
        (folder / "objects.csv").write_text("\n".join([*lines, "9,abc,2,STAR,0,1,301,1,1"]))
        self.check(folder, "objects.csv", "object 9", "ra must be a number", config="frames")
        (folder / "objects.csv").write_text("\n".join(lines))
        (folder / "second.csv").write_text("\n".join(lines[:3]))
        self.check(folder, "second.csv", IDS[0], "twice", config="frames")

    def test_truncated_frame(self):
        folder = Path(tempfile.mkdtemp())
        write_frames(folder, skip_bands="g")
        (folder / "frame-g-003836-4-0084.fits").write_bytes(b"SIMPLE  =                    T")
        self.check(folder, "frame-g-003836-4-0084.fits", "not a readable FITS", config="frames")

    def test_one_unreadable_frame_costs_the_objects_of_its_field(self):
        folder = Path(tempfile.mkdtemp())
        lines = write_frames(folder)
        for path in list(folder.glob("frame-*")):
            copy = folder / path.name.replace("0084", "0085")
            copy.write_bytes(path.read_bytes()[: 200 if "-r-" in path.name else None])
        other = "78,150,2,GALAXY,0.1,3836,301,4,85"
        (folder / "objects.csv").write_text("\n".join([*lines, other]))
        builder = build(FramesConfig(name="frames_skip", on_error="skip"), folder)
        self.assertLen(read(builder), NUM_OBJECTS)
        (line,) = builder.info.metadata["left_out"]
        self.assertStartsWith(line, "object 78: ")
        self.assertIn("frame-r-003836-4-0085.fits.bz2: not a readable FITS", line)

    def test_object_on_the_far_side_of_the_sky(self):
        folder = Path(tempfile.mkdtemp())
        lines = write_frames(folder)
        far = "79,330,-2,STAR,0,3836,301,4,84"
        (folder / "objects.csv").write_text("\n".join([*lines, far]))
        words = ("object 79", "frame-r-003836", "ra 330.0, dec -2.0 lies outside")
        self.check(folder, *words, config="frames")

    def test_nan_in_a_resampled_frame(self):
        folder = Path(tempfile.mkdtemp())
        write_frames(folder)
        path = folder / "frame-g-003836-4-0084.fits"
        with astropy.io.fits.open(path) as hdus:
            image, header = np.array(hdus[0].data), hdus[0].header
        column, row = np.rint(positions()[0]).astype(int)
        image[row, column] = np.nan
        astropy.io.fits.writeto(path, image, header, overwrite=True)
        self.check(folder, "frame-g-", ": 1 pixels are NaN or infinite", config="frames")

    def test_unknown_names_list_the_choices(self):
        with self.assertRaisesRegex(ValueError, "sdss_star_galaxy.*did you mean"):
            tfds_builders.builder("sdss_stars_galaxy")
        with self.assertRaisesRegex(ValueError, "simulated, labeled.*did you mean 'simulated'"):
            tfds_builders.builder("sdss_star_galaxy", config="simulatd")
        with self.assertRaisesRegex(ValueError, "bright < faint <= 26; got 23"):
            SimulatedConfig(name="x", bright=23, faint=22)
        with self.assertRaisesRegex(ValueError, "on_error must be one of raise, skip; got 'warn'"):
            RecordsConfig(name="x", on_error="warn")


if __name__ == "__main__":
    tfds.testing.test_main()
