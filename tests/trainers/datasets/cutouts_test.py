import contextlib
import io
import json
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import tensorflow as tf
from astropy.io import fits
from PIL import Image

from trainers import api, catalogue, predict
from trainers import run as run_command
from trainers.datasets import hash_splits, healpix, loading
from trainers.datasets.in_memory import InMemoryDataset
from trainers.datasets.mapped import MappedDataset
from trainers.errors import UserError
from trainers.options.cutout_source import CutoutSource
from trainers.options.data_options import SPLITS

NUMBER, SHAPE = 40, (6, 5, 3)
IMAGES = np.random.default_rng(0).normal(size=(NUMBER, *SHAPE)).astype(np.float32)
IDS = [1237648720693755918 + row for row in range(NUMBER)]


class CutoutsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.enter_context(contextlib.chdir(self.folder))
        self.table = pd.DataFrame(
            {
                "id": IDS,
                "label": ["star" if row % 2 else "galaxy" for row in range(NUMBER)],
                "redshift": [np.nan if row == 3 else 0.01 * row for row in range(NUMBER)],
                "ra": np.linspace(0, 359, NUMBER),
                "field": [f"field {row // 8}" for row in range(NUMBER)],
                "part": [("Train", "val", "testing")[row % 3] for row in range(NUMBER)],
            }
        )

    def write_fits(self, rows=range(NUMBER), unit="nanomaggy"):
        Path("cutouts").mkdir(exist_ok=True)
        for row in rows:
            header = fits.Header({"BUNIT": unit})
            pixels = np.moveaxis(IMAGES[row], -1, 0)
            fits.PrimaryHDU(pixels, header).writeto(f"cutouts/{IDS[row]}.fits")

    def read(self, images="cutouts", labels="labels.csv", **options):
        if labels is not None:
            self.table.to_csv("labels.csv", index=False)
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            dataset = api.read_cutouts(images, labels, **options)
        self.errors = errors.getvalue()
        return dataset

    def assert_refused(self, *parts, **options):
        with self.assertRaises(UserError) as raised:
            self.read(**options)
        line = str(raised.exception)
        self.assertNotIn("\n", line)
        for part in parts:
            self.assertIn(part, line)

    def rows(self, dataset, split):
        """Returns the rows of IDS that a split has, and checks all its features against them."""
        arrays = dataset.arrays(split)
        rows = [IDS.index(int(name.split(".")[0])) for name in arrays["id"]]
        self.assertAllEqual(arrays["image"], IMAGES[rows])
        if "label" in arrays:
            names = np.array(dataset.spec.class_names)[arrays["label"]]
            self.assertAllEqual(names, self.table["label"].to_numpy()[rows])
        for name in set(arrays) - {"image", "id", "label"}:
            self.assertAllEqual(arrays[name], self.table[name].to_numpy()[rows])
        return rows

    def test_fits_files_and_a_table(self):
        self.write_fits()
        dataset = self.read(bands=["g", "r", "z"], pixel_scale=0.262, target_columns=["redshift"])
        spec = dataset.spec
        self.assertEqual((spec.image_shape, spec.bands), (SHAPE, ("g", "r", "z")))
        self.assertEqual((spec.units, spec.pixel_scale), ("nanomaggy", 0.262))
        self.assertEqual(spec.class_names, ("galaxy", "star"))
        self.assertEqual(spec.feature_names, ("image", "id", "label", "redshift", "ra"))
        self.assertIsInstance(dataset, InMemoryDataset)
        for split in SPLITS:
            expected = [
                row for row, name in enumerate(IDS) if hash_splits.split_of(str(name)) == split
            ]
            self.assertCountEqual(self.rows(dataset, split), expected)
        self.assertEqual(self.errors, "")

    def test_identifiers_with_and_without_ends_of_files(self):
        self.write_fits(range(20))
        plain = self.read()
        self.table["id"] = [f"{name}.fits" for name in IDS]
        ended = self.read()
        for split in SPLITS:
            self.assertAllEqual(plain.arrays(split)["id"], ended.arrays(split)["id"])
            self.assertAllEqual(plain.arrays(split)["label"], ended.arrays(split)["label"])

    def test_other_kinds_of_files_give_the_same_dataset(self):
        with h5py.File("stamps.h5", "w") as file:
            file["image"], file["object"] = IMAGES, np.array(IDS)
        np.savez("stamps.npz", image=IMAGES, object=np.array(IDS))
        frame = pd.DataFrame({"object": IDS, "image": [image.tolist() for image in IMAGES]})
        frame.to_parquet("stamps.parquet")
        hashes = set()
        for name in ("stamps.h5", "stamps.npz", "stamps.parquet"):
            dataset = self.read(name, image_id_column="object")
            self.assertEqual(dataset.spec.bands, ("band_0", "band_1", "band_2"))
            self.assertEqual(sum(len(self.rows(dataset, split)) for split in SPLITS), NUMBER)
            hashes.add(dataset.stored_content("train"))
        self.assertLen(hashes, 1)

    def test_images_that_memory_does_not_hold(self):
        self.write_fits()
        self.table.to_csv("labels.csv", index=False)
        source = CutoutSource(["cutouts"], "labels.csv", target_columns=["redshift"])
        held = loading.load("cutouts", cutouts=source)
        mapped = loading.load(
            "cutouts",
            cutouts=source,
            cache_bytes=10 * IMAGES[0].nbytes,
            data_dir=self.folder / "new",
        )
        self.assertIsInstance(mapped, MappedDataset)
        self.assertEmpty(list((self.folder / "new").iterdir()))  # The file has no name.
        self.assertEqual(mapped.spec, held.spec)
        for split in SPLITS:
            self.rows(mapped, split)
            order = {"shuffle_seed": 3, "epoch": 1, "features": ("redshift", "id")}
            batches = [list(each.batches(split, 4, **order)) for each in (held, mapped)]
            for one, other in zip(*batches, strict=True):
                for name in one:
                    self.assertAllEqual(one[name], other[name])

    def test_splits_of_the_table(self):
        self.write_fits()
        dataset = self.read(split_column="part")
        for number, split in enumerate(SPLITS):
            self.assertCountEqual(self.rows(dataset, split), range(number, NUMBER, 3))
        self.table["split"] = self.table["part"]
        self.read()
        self.assertIn("column 'split' of labels.csv is not read; --split_column", self.errors)
        self.table.loc[3, "part"] = "holdout"
        self.assert_refused("train, validation, test; got 'holdout' in row 4", split_column="part")

    def test_a_group_is_in_one_split(self):
        self.write_fits()
        self.table["field"] = [f"field {row // 2}" for row in range(NUMBER)]
        dataset = self.read(split_by="field")
        for split in SPLITS:
            for row in self.rows(dataset, split):
                self.assertEqual(hash_splits.split_of(self.table["field"][row]), split)

    def test_a_cell_on_the_sky_is_in_one_split(self):
        self.write_fits()
        self.table["ra"] = 10.0 + 0.5 * (np.arange(NUMBER) // 4)
        self.table["dec"] = 0.001 * (np.arange(NUMBER) % 4) + 0.1
        for split_by, order in (("healpix", 6), ("healpix:3", 3)):
            cells = healpix.cells(self.table["ra"], self.table["dec"], order)
            dataset = self.read(split_by=split_by)
            for split in SPLITS:
                for row in self.rows(dataset, split):
                    group = f"healpix:{order}:{cells[row]}"
                    self.assertEqual(hash_splits.split_of(group), split)
        self.table.loc[3, "dec"] = 120.0
        self.assert_refused(f"got 10.0 and 120.0 for '{IDS[3]}'", split_by="healpix")
        self.assert_refused("an order from 0 to 29; got 'healpix:x'", split_by="healpix:x")
        self.table = self.table.drop(columns="dec")
        self.assert_refused("no column 'dec'; `split_by` chooses", split_by="healpix")

    def add_votes(self):
        draws = np.random.default_rng(2)
        questions = {"smooth-or-featured": ("smooth", "featured-or-disk"), "bar": ("yes", "no")}
        columns = [f"{name}_{answer}" for name, all in questions.items() for answer in all]
        votes = draws.integers(1, 9, (NUMBER, 4))
        votes[4] = 0
        self.table[columns] = votes
        self.table["bar_yes_fraction"] = 0.5
        self.table["bar_total-votes"] = 9
        self.table["weight"] = 1.0 + np.arange(NUMBER) % 3
        self.table = self.table.drop(columns="label")
        return votes

    def test_votes_and_weights(self):
        self.write_fits()
        votes = self.add_votes()
        asked = {"vote_columns": ["bar", "smooth-or-featured"], "weight_column": "weight"}
        dataset = self.read(**asked)
        names = [question["name"] for question in dataset.spec.questions]
        self.assertEqual(names, ["bar", "smooth-or-featured"])
        self.assertIn(f"1 images have no votes in labels.csv: {IDS[4]}.fits", self.errors)
        self.assertIn(f"{IDS[4]}.fits: no votes in labels.csv", dataset.skipped)
        self.assertEqual(sum(dataset.num_examples.values()), NUMBER - 1)
        for split in SPLITS:
            arrays = dataset.arrays(split)
            rows = [IDS.index(int(name.split(".")[0])) for name in arrays["id"]]
            self.assertAllEqual(arrays["votes"], votes[rows][:, [2, 3, 0, 1]])
            weights = self.table["weight"].to_numpy()[rows]
            self.assertAllClose(arrays["sample_weight"], weights / weights.mean())
        self.table = self.table.astype({"bar_yes": float})
        self.table.loc[7, "bar_yes"] = 0.25
        self.assert_refused(
            f"'bar_yes' must have numbers of votes; got 0.25 for '{IDS[7]}'", **asked
        )
        self.assert_refused("`vote_columns` needs no column 'arms' and", vote_columns=["arms"])
        self.table.loc[6, "weight"] = -1.0
        self.assert_refused(
            f"weights of at least 0; got -1.0 for '{IDS[6]}'",
            weight_column="weight",
            target_columns=["redshift"],
        )
        self.assert_refused("`vote_columns` needs `labels`", labels=None, vote_columns=["bar"])

    def test_a_model_of_votes_is_trained_on_cutouts(self):
        self.write_fits()
        self.add_votes()
        self.table.to_csv("labels.csv", index=False)
        words = ["--model", "gz_bayesian_cnn", "--dataset", "cutouts", "--images", "cutouts"]
        words += ["--labels", "labels.csv", "--vote_columns", "bar", "--epochs", "1"]
        words += ["--weight_column", "weight", "--evaluators", "votes", "--run_dir", "run"]
        words += ["--hp", "filters=((4,),)", "units=(4,)", "passes=2", "preprocessing=asinh"]
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            self.assertEqual(run_command.main(words), 0, errors.getvalue())
        metrics = json.loads(Path("run/metrics.json").read_text())
        self.assertContainsSubset({"training", "votes"}, metrics)
        card = json.loads(next(Path("saved_models").rglob("model_card.json")).read_text())
        expected = [{"name": "bar", "answers": ["yes", "no"], "parents": []}]
        self.assertEqual(card["questions"], expected)

    def test_what_does_not_join_is_counted_and_listed(self):
        self.write_fits(range(30))
        self.table = self.table.drop(index=[0, 1]).astype({"label": object})
        self.table.loc[5, "label"] = ""
        dataset = self.read()
        self.assertEqual(sum(dataset.num_examples.values()), 27)
        self.assertIn(f"2 images have no row in labels.csv: {IDS[0]}.fits, {IDS[1]}", self.errors)
        self.assertIn(f"1 images have no class in labels.csv: {IDS[5]}.fits", self.errors)
        self.assertIn("10 rows of labels.csv have no image", self.errors)
        self.assertLen(dataset.skipped, 13)
        self.assertIn(f"{IDS[0]}.fits: no row in labels.csv", dataset.skipped)
        self.assertIn(f"{IDS[-1]}: no cutout", dataset.skipped)

    def test_chosen_and_merged_classes(self):
        self.write_fits()
        self.table["label"] = [("cD", "S0", "E", "star")[row % 4] for row in range(NUMBER)]
        dataset = self.read(classes=["galaxy=E,S0", "star"])
        self.assertEqual(dataset.spec.class_names, ("galaxy", "star"))
        self.assertEqual(sum(dataset.num_examples.values()), 30)
        for split in SPLITS:
            arrays = dataset.arrays(split)
            rows = [IDS.index(int(name.split(".")[0])) for name in arrays["id"]]
            self.assertAllEqual(arrays["label"], [int(row % 4 == 3) for row in rows])

    def test_without_a_table(self):
        self.write_fits(range(20))
        dataset = self.read(labels=None, max_examples=[5, 1, 2])
        self.assertEqual(dict(dataset.num_examples), {"train": 5, "validation": 1, "test": 2})
        self.assertEqual(dataset.spec.class_names, ())
        self.assertEqual(set(dataset.arrays("train")), {"image", "id"})

    def test_pictures_have_units_and_grey_ones_one_band(self):
        Path("cutouts").mkdir()
        grey = np.random.default_rng(1).integers(0, 256, (NUMBER, 8, 7), np.uint8)
        for row, pixels in enumerate(grey):
            Image.fromarray(pixels).save(f"cutouts/{IDS[row]}.png")
        dataset = self.read()
        self.assertEqual(dataset.spec.bands, ("grey",))
        self.assertEqual(dataset.spec.units, "counts (0-255)")
        self.assertEqual(dataset._images["train"].dtype, np.uint8)  # A quarter of the memory.
        arrays = dataset.arrays("train")
        rows = [IDS.index(int(name.split(".")[0])) for name in arrays["id"]]
        self.assertAllEqual(arrays["image"][..., 0], grey[rows])
        scaled = self.read(image_shape=[4, 4, 3])
        self.assertEqual(scaled.spec.image_shape, (4, 4, 3))
        self.assertTrue(scaled.spec.scales_files)
        fits.PrimaryHDU(IMAGES[0]).writeto("cutouts/other.fits")
        self.assert_refused("must be pictures or other files", "other.fits")

    def test_classes_that_are_folders(self):
        for row, name in enumerate(IDS):
            folder = Path("cutouts", ("star", "galaxy")[row % 2])
            folder.mkdir(parents=True, exist_ok=True)
            fits.writeto(folder / f"{name}.fits", np.moveaxis(IMAGES[row], -1, 0))
        self.table["label"] = [("star", "galaxy")[row % 2] for row in range(NUMBER)]
        dataset = self.read(labels=None, label_column="folder")
        self.assertEqual(dataset.spec.class_names, ("galaxy", "star"))
        self.assertEqual(self.errors, "")
        self.assertEqual(sum(len(self.rows(dataset, split)) for split in SPLITS), NUMBER)
        # Rows of a file have the class of its folder too.
        np.savez("cutouts/star/more.npz", image=IMAGES, id=[f"new {row}" for row in range(NUMBER)])
        dataset = self.read(labels=None, label_column="folder")
        labels = np.concatenate([dataset.arrays(split)["label"] for split in SPLITS])
        self.assertAllEqual(np.bincount(labels), [NUMBER // 2, NUMBER // 2 + NUMBER])
        self.assert_refused("`label_column` needs `labels`", labels=None, label_column="kind")

    def test_unusable_images(self):
        self.write_fits(range(20))
        fits.PrimaryHDU(np.arange(243.0).reshape(3, 9, 9)).writeto(f"cutouts/{IDS[20]}.fits")
        fits.PrimaryHDU(np.full((3, 6, 5), np.nan)).writeto(f"cutouts/{IDS[21]}.fits")
        np.save(f"cutouts/{IDS[2]}.npy", IMAGES[2])
        Path("cutouts", f"{IDS[22]}.fits").write_bytes(b"SIMPLE")
        dataset = self.read(on_error="skip")
        self.assertEqual(sum(dataset.num_examples.values()), 20)
        problems = "\n".join(dataset.skipped)
        self.assertIn(f"{IDS[20]}.fits: is 9x9 px; 5x6 px was expected", problems)
        self.assertIn(f"{IDS[21]}.fits: 90 of 90 pixels are masked, NaN", problems)
        self.assertIn(f"{IDS[2]}.npy: has the identifier '{IDS[2]}', as {IDS[2]}.fits", problems)
        self.assertIn(f"{IDS[22]}.fits: cannot be read", problems)
        self.assert_refused("`on_error=skip` leaves such images out")

    def test_mistakes_in_the_table_are_named(self):
        self.write_fits(range(20))
        self.assert_refused(
            "no column 'name'; `id_column` chooses one of id, label", id_column="name"
        )
        self.assert_refused("no column 'kind'", label_column="kind")
        self.assert_refused("'field' must have numbers; got 'field 0'", target_columns=["field"])
        self.assert_refused(
            "`split_by` and `split_column` both", split_by="ra", split_column="part"
        )
        self.assert_refused("`split_column` needs `labels`", labels=None, split_column="part")
        self.table.loc[7, "id"] = IDS[3]
        self.assert_refused(f"rows 4 and 8 are both '{IDS[3]}'")
        self.table["id"] = [f"other {row}" for row in range(NUMBER)]
        self.assert_refused(f"no row for '{IDS[0]}.fits'; its first is 'other 0'")
        self.table = self.table.rename(columns={"label": "kind"})
        self.assert_refused("has no column 'label'; `label_column`, `target_columns` or")

    def test_a_run_its_catalogue_and_its_predictions_have_the_same_objects(self):
        self.write_fits(range(1, NUMBER))
        spoilt = np.moveaxis(IMAGES[0], -1, 0).copy()
        spoilt[1, 2] = np.nan
        fits.PrimaryHDU(spoilt).writeto(f"cutouts/{IDS[0]}.fits")
        self.table.to_csv("labels.csv", index=False)
        words = ["--model", "star_galaxy_cnn", "--dataset", "cutouts", "--images", "cutouts"]
        words += ["--labels", "labels.csv", "--epochs", "1", "--evaluators", "roc"]
        words += ["--invalid", "interpolate"]
        words += ["--hp", "filters=[4]", "preprocessing=asinh", "--run_dir", "run"]
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            self.assertEqual(run_command.main(words), 0, errors.getvalue())
            for command, further in (
                (catalogue, ["--output", "catalogue.csv"]),
                (predict, ["--images", "cutouts", "--output", "predicted.csv"]),
            ):
                self.assertEqual(command.main(["--run_dir", "run", *further]), 0)
        listed = pd.read_csv("catalogue.csv").set_index("id").sort_index()
        predicted = pd.read_csv("predicted.csv").set_index("id").sort_index()
        self.assertEqual(list(listed.index), [f"{name}.fits" for name in IDS])
        self.assertEqual(list(predicted.index), list(listed.index))
        self.assertAllClose(listed["probability_star"], predicted["probability_star"], atol=1e-5)
        self.assertAllEqual(listed["label"], self.table["label"])
        # The policy of the training is that of the prediction, which says where it was needed.
        self.assertAllEqual(predicted["replaced_pixels"], [5] + [0] * (NUMBER - 1))
