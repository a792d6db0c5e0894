"""The configurations through TFDS's own test case, and what they refuse."""

import csv
import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

import tfds_builders
from tests import galaxy_data
from tfds_builders.galaxy_zoo_decals.catalogue import tree_of
from tfds_builders.galaxy_zoo_decals.configs import CatalogueConfig, SimulatedConfig
from tfds_builders.galaxy_zoo_decals.galaxy_zoo_decals_dataset_builder import Builder
from tfds_builders.galaxy_zoo_decals.labels import GZD5, TASKS, task_labels
from tfds_builders.splits import split_of

NAMES = [f"J{100 + i % 3}{i:03d}.50+0{i:04d}.{i % 10}" for i in range(24)]
COUNTS = {
    split: sum(split_of(name) == split for name in NAMES)
    for split in ("train", "validation", "test")
}
FILES = {config.name: config for config in Builder.BUILDER_CONFIGS[2:]}
# With this seed they fall into all splits.
SIMULATED = {"num_galaxies": 8, "seed": 1, "image_size": 24, "processes": 1}


def simulated_counts():
    names = [f"sim-1-{index:07d}" for index in range(8)]
    return {split: sum(split_of(name) == split for name in names) for split in COUNTS}


def rows(config, rng):
    """Returns a catalogue with all columns that are read, and the one that is never."""
    tree = tree_of(config)
    for index, name in enumerate(NAMES):
        row = {"iauname": name, "ra": 10.0 + index, "dec": -5.0, "redshift": 0.1}
        row |= {"elpetro_absmag_r": -20.0, "sersic_nmgy_r": 100.0, "upload_group": "dr5, part 1"}
        row |= {"petro_th50": 2.0 + 0.1 * index, "petro_th90": 6.0, "petro_theta": 5.0}
        row |= {"wrong_size_statistic": "" if index else 150.0, "wrong_size_warning": "False"}
        for question, span in tree.spans.items():
            answers = tree.answers[span]
            votes = rng.multinomial(0 if index == 1 else 20, [1 / len(answers)] * len(answers))
            row[f"{question}_total-votes"] = votes.sum()
            row[f"{question}_proportion_volunteers_asked"] = 0.5
            for answer, number in zip(answers, votes, strict=True):
                row[answer] = number
                row[f"{answer}_fraction"] = number / 20
                row[f"{answer}_debiased"] = "" if index % 2 else 0.25
                row[f"{answer}_concentration"] = json.dumps([1.0 + number] * 25)
        yield row


def write_catalogue(folder, config, change=None):
    table = list(rows(config, np.random.default_rng(0)))
    if change is not None:
        change(table)
    with (folder / config.file).open("w") as stream:
        writer = csv.DictWriter(stream, table[0].keys())
        writer.writeheader()
        writer.writerows(table)
    return folder


def picture(index):
    y, x = np.mgrid[:40, :40]
    image = np.stack([x * 5, y * 5, np.full_like(x, 2 * index)], axis=-1).astype(np.uint8)
    return encoded(PIL.Image.fromarray(image), "PNG")


def encoded(image, kind):
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def write_images(folder, *, packed=(), skip=()):
    """Writes three parts of the images, some of them as archives."""
    for part in range(1, 4):
        members = {
            f"gz_decals_dr5_png_part{part}/{name[:4]}/{name}.png": picture(index)
            for index, name in enumerate(NAMES)
            if index % 3 == part - 1 and index not in skip
        }
        if part in packed:
            with zipfile.ZipFile(folder / f"gz_decals_dr5_png_part{part}.zip", "w") as archive:
                for member, data in members.items():
                    archive.writestr(member, data)
            continue
        for member, data in members.items():
            (folder / member).parent.mkdir(parents=True, exist_ok=True)
            (folder / member).write_bytes(data)
    return folder


def build(config, manual_dir=None):
    builder = tfds_builders.builder("galaxy_zoo_decals", config=config, data_dir=tempfile.mkdtemp())
    manual_dir = None if manual_dir is None else str(manual_dir)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
    )
    return builder


def read(builder):
    examples = {}
    for split in builder.info.splits:
        for example in tfds.as_numpy(builder.as_dataset(split=split)):
            examples[example["id"].decode()] = example | {"split": split}
    return examples


class SimulatedTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = simulated_counts()
    BUILDER_CONFIG_NAMES_TO_TEST = [  # noqa: RUF012
        SimulatedConfig(name="tiny", **SIMULATED),
        SimulatedConfig(name="tiny_bass", survey="bass_mzls", **SIMULATED),
    ]


class CatalogueTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = COUNTS
    BUILDER_CONFIG_NAMES_TO_TEST = [  # noqa: RUF012
        CatalogueConfig(**{**vars(config), "name": f"{name}_tiny", "image_size": 16})
        for name, config in FILES.items()
    ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp()
        for config in FILES.values():
            write_catalogue(Path(cls.folder), config)
        write_images(Path(cls.folder), packed=(2,))

    @property
    def dummy_data(self):
        return epath.Path(self.folder)


class SameSkyTest(tf.test.TestCase):
    def test_both_surveys_have_the_same_galaxies_and_votes(self):
        decals, bass = (read(_built(name)) for name in ("simulated", "simulated_bass"))
        self.assertEqual(set(decals), set(bass))
        for name, example in decals.items():
            other = bass[name]
            for feature in ("votes", "truth", "petro_th50", "label", "label_merger", "pixel_scale"):
                self.assertAllEqual(example[feature], other[feature])
            self.assertEqual(example["split"], other["split"])
            self.assertNotAllEqual(example["image"], other["image"])
            self.assertAllClose(example["fractions"], GZD5.fractions(example["votes"]))

    def test_one_task(self):
        builder = _built("simulated", task="merger", num_galaxies=24)
        self.assertEqual(builder.info.features["label"].names, list(TASKS["merger"]))
        examples = read(builder)
        self.assertBetween(len(examples), 12, 23)
        for example in examples.values():
            self.assertEqual(example["label"], example["label_merger"])
            self.assertIn(example["label"], (0, 1))


def _built(name, **options):
    builder = tfds_builders.builder(
        "galaxy_zoo_decals",
        config=name,
        options=SIMULATED | options,
        data_dir=tempfile.mkdtemp(),
    )
    builder.download_and_prepare()
    return builder


class CataloguesTest(tf.test.TestCase):
    def test_values_and_pixels(self):
        folder = write_images(Path(tempfile.mkdtemp()), packed=(1, 3))
        table = list(rows(FILES["gzd5"], np.random.default_rng(0)))
        config = CatalogueConfig(name="x", image_size=40, crop=1.0)
        examples = read(build(config, write_catalogue(folder, config)))
        self.assertLen(examples, 24)
        for index, row in enumerate(table):
            example = examples[row["iauname"]]
            self.assertEqual(example["split"], split_of(row["iauname"]))
            self.assertAllEqual(example["votes"], [row[answer] for answer in GZD5.answers])
            self.assertAllClose(example["magnitude"], 17.5)
            self.assertAllClose(example["ra"], 10.0 + index)
            self.assertEqual(np.isnan(example["wrong_size_statistic"]), index > 0)
            self.assertEqual(np.isnan(example["fractions"]).all(), index == 1)
            labels = task_labels(example["fractions"])
            for task in TASKS:
                self.assertEqual(example[f"label_{task}"], labels[task])
            with PIL.Image.open(io.BytesIO(picture(index))) as image:
                self.assertAllEqual(example["image"], np.asarray(image))
            scale = max(min(0.04 * row["petro_th50"], 0.12), 0.1)
            self.assertAllClose(example["pixel_scale"], scale * 424 / 40)

    def test_without_image_or_of_wrong_size_is_counted(self):
        def spoil(table):
            for row, text in ((2, "0"), (4, " TRUE"), (5, "f")):
                table[row]["wrong_size_warning"] = text

        folder = write_images(Path(tempfile.mkdtemp()), skip=(2, 7))
        write_catalogue(folder, FILES["gzd5"], spoil)
        builder = build("gzd5", folder)
        self.assertLen(read(builder), 21)
        metadata = builder.info.metadata
        self.assertEqual((metadata["without_image"], metadata["wrong_size"]), (2, 1))
        self.assertEqual(
            metadata["left_out"],
            [
                f"2 of 24 galaxies without an image: {NAMES[2]}, {NAMES[7]}",
                f"1 of 24 galaxies with wrong_size_warning: {NAMES[4]}",
            ],
        )
        kept = CatalogueConfig(name="all_sizes", wrong_size=True, image_size=16)
        self.assertLen(read(build(kept, folder)), 22)

    def test_the_small_real_copy(self):
        folder = galaxy_data.path("galaxy_zoo_decals")
        left_out = {"gzd5": 0, "gzd12": 0, "auto": 1}
        for name, config in FILES.items():
            builder = build(name, folder)
            examples = read(builder)
            self.assertLen(examples, 6 - left_out[name])
            self.assertEqual(builder.info.metadata["wrong_size"], left_out[name])
            with (folder / config.file).open() as stream:
                table = {row["iauname"]: row for row in csv.DictReader(stream)}
            for key, example in examples.items():
                # As the authors divided them; empty where nobody was asked.
                for answer, fraction in zip(
                    builder.info.metadata["answers"], example["fractions"], strict=True
                ):
                    published = float(table[key][f"{answer}_fraction"] or 0)
                    self.assertAllClose(np.nan_to_num(fraction), published, atol=1e-6)
                self.assertAllInRange(example["image"], 0, 255)
                self.assertGreater(example["image"].std(), 3)


class BadInputTest(tf.test.TestCase):
    def check(self, folder, *words, config="gzd5", error=ValueError):
        with self.assertRaises(error) as caught:
            build(config, folder)
        message = str(caught.exception)
        for word in words:
            self.assertIn(word, message)
        self.assertNotIn("\n", message)

    def spoilt(self, column, value):
        def change(table):
            table[3][column] = value

        folder = write_images(Path(tempfile.mkdtemp()))
        return write_catalogue(folder, FILES["gzd5"], change)

    def test_bad_values_name_file_and_object(self):
        for column, value in (
            ("ra", "abc"),
            ("bar_strong", "1.5"),
            ("dec", ""),
            ("petro_th50", "inf"),
        ):
            with self.subTest(column):
                folder = self.spoilt(column, value)
                self.check(folder, "gz_decals_volunteers_5.csv", NAMES[3], column, f"'{value}'")
        folder = self.spoilt("wrong_size_warning", "yes")
        self.check(folder, NAMES[3], "wrong_size_warning must be True or False; got 'yes'")
        twice = f" {NAMES[2]} "
        self.check(self.spoilt("iauname", twice), NAMES[2], "stands in the catalogue twice")

    def test_missing_columns_and_short_lines(self):
        folder = self.spoilt("ra", 1.0)
        path = folder / FILES["gzd5"].file
        text = path.read_text()
        path.write_text(text.replace("merging_merger,", "merging_other,", 1))
        self.check(folder, "volunteers_5.csv: column merging_merger is missing")
        path.write_text(text[: len(text) // 2])
        self.check(folder, "volunteers_5.csv: row 1", "columns; got")
        path.write_text(text.splitlines()[0])
        self.check(folder, "volunteers_5.csv: none of 0 galaxies is usable; there are none")
        path.write_text("")
        self.check(folder, "volunteers_5.csv: ")

    def test_broken_images(self):
        folder = self.spoilt("ra", 1.0)
        (path,) = folder.glob(f"*/*/{NAMES[0]}.png")
        path.write_bytes(path.read_bytes()[:-30])
        self.check(folder, f"{NAMES[0]}.png", "truncated or not an image")
        config = CatalogueConfig(name="gzd5_skip", image_size=16, on_error="skip")
        builder = build(config, folder)
        self.assertLen(read(builder), 23)
        (line,) = builder.info.metadata["left_out"]
        self.assertIn(NAMES[0], line)
        archive = folder / "gz_decals_dr5_png_part9.zip"
        archive.write_bytes(b"PK\x03\x04 and no more")
        self.check(folder, "part9.zip: truncated or not a zip archive")

    def test_images_of_other_kinds(self):
        folder = self.spoilt("ra", 1.0)
        (path,) = folder.glob(f"*/*/{NAMES[0]}.png")
        deep = np.arange(1200, dtype=np.uint16).reshape(20, 20, 3) * 50
        with PIL.Image.open(path) as image:
            image = image.convert("CMYK")
        for content, message in (
            (tf.io.encode_png(deep).numpy(), "image must have 8 bits a band; got 16"),
            (tf.io.encode_png(deep[..., :1]).numpy(), "image must have 8 bits a band; got 16"),
            (encoded(image, "JPEG"), "image must be grey or RGB; got the mode CMYK"),
            (encoded(image.convert("RGB"), "GIF"), "truncated or not an image"),
        ):
            with self.subTest(message):
                path.write_bytes(content)
                self.check(folder, str(path), message)

    def test_options(self):
        for kind, options, message in (
            (SimulatedConfig, {"survey": "lsst"}, "survey must be one of decals, bass_mzls, sdss"),
            (SimulatedConfig, {"num_galaxies": 0}, "num_galaxies must be at least 1; got 0"),
            (SimulatedConfig, {"volunteers": 2.0}, "volunteers must be between 5 and 1000; got 2"),
            (SimulatedConfig, {"scale": 2.0}, "scale must be between 0.05 and 0.5 arcsec; got 2.0"),
            (SimulatedConfig, {"seed": -1}, "seed must be at least 0; got -1"),
            (SimulatedConfig, {"image_size": 4}, "image_size must be between 8 and 424; got 4"),
            (CatalogueConfig, {"crop": 0.0}, "crop must be between 0.1 and 1; got 0"),
            (CatalogueConfig, {"task": "bars"}, "task must be one of smooth, .*; got 'bars'"),
            (CatalogueConfig, {"cuts": "x"}, "cuts must be one of table, transfer; got 'x'"),
            (CatalogueConfig, {"min_votes": -1}, "min_votes must be at least 0; got -1"),
            (CatalogueConfig, {"on_error": "warn"}, "on_error must be one of raise, skip"),
            (CatalogueConfig, {"processes": 0}, "processes must be at least 1; got 0"),
        ):
            with self.subTest(**options), self.assertRaisesRegex(ValueError, message):
                kind(name="x", **options)


if __name__ == "__main__":
    tfds.testing.test_main()
