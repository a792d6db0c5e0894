"""A run of `photo_z`: redshifts in the report, in a catalogue and in a table of predictions."""

import contextlib
import dataclasses
import io
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table

from tests.trainers import tiny
from trainers import catalogue, predict
from trainers.datasets import loading
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.runs import pipeline

_BINS = 12


def galaxies(train_redshifts=()):
    """Returns the tiny blobs with redshifts, of which the first training ones may be replaced."""
    blobs = tiny.TinyDataset()
    splits = {split: dict(blobs.arrays(split)) for split in blobs.num_examples}
    for arrays in splits.values():
        arrays["redshift"] = (
            np.where(arrays["label"], 0.1, 0.3) + 0.02 * arrays["image"][:, 0, 0, 0]
        )
        arrays["galactic_reddening"] = np.linspace(0, 0.2, len(arrays["label"]))
    splits["train"]["redshift"][: len(train_redshifts)] = train_redshifts
    names = ("image", "label", "id", "redshift", "galactic_reddening")
    return InMemoryDataset(dataclasses.replace(blobs.spec, feature_names=names), splits)


class RedshiftsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    def train(self, dataset):
        config = RunConfig(
            model="photo_z",
            dataset=tiny.DATASET,
            epochs=2,
            batch_size=16,
            learning_rate=0.01,
            evaluators=["regression", "redshift"],
            run_dir=str(self.folder / "run"),
            saved_models_dir=str(self.folder / "saved"),
            hp={
                "filters": [4],
                "summary": 4,
                "units": [8],
                "bins": _BINS,
                "apertures": [1.5],
                "reddening": "galactic_reddening",
            },
        )
        with contextlib.redirect_stdout(io.StringIO()):
            return pipeline.execute(config, dataset, tf.distribute.get_strategy())

    def assert_refused(self, words, message):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            self.assertEqual(predict.main(words), 2)
        self.assertIn(message, printed.getvalue())

    def test_report_catalogue_and_predictions(self):
        dataset = galaxies([np.nan])
        outcome = self.train(dataset)
        self.assertEqual(outcome.metrics["redshift"]["objects"], 40)
        self.assertIn("rms", outcome.metrics["regression"])
        test = dataset.arrays("test")
        model = pipeline.load_model(self.folder / "run")
        inputs = {name: test[name] for name in ("image", "galactic_reddening")}
        expected = model.predict(inputs, verbose=0)
        densities = [f"redshift_pdf_{place:02d}" for place in range(_BINS)]

        rows = self.folder / "catalogue.parquet"
        options = ("--run_dir", str(self.folder / "run"), "--split", "test", "--output", str(rows))
        with (
            mock.patch.object(loading, "load", return_value=dataset),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            self.assertEqual(catalogue.main(options), 0)
        table = Table.read(rows)
        self.assertAllClose(table["redshift"], test["redshift"])
        self.assertAllClose(table["predicted_redshift"], expected["redshift"], rtol=1e-4)
        self.assertAllClose(table["redshift_upper"], expected["redshift_upper"], rtol=1e-4)
        pdf = np.column_stack([table[name] for name in densities])
        self.assertAllClose(pdf.sum(axis=1) * 0.4 / _BINS, np.ones(40), atol=1e-4)

        images, rows = self.folder / "images.npz", self.folder / "predicted.csv"
        reddening = self.folder / "reddening.csv"
        np.savez(images, image=test["image"], id=test["id"])
        words = ["--saved_model", str(outcome.saved_model), "--images", str(images)]
        words += ["--output", str(rows), "--batch_size", "16"]
        self.assert_refused(words, "reads galactic_reddening beside the image; --inputs of")
        # The table has another order, one object more, and two less.
        Table({"id": test["id"]}).write(reddening)
        words += ["--inputs", str(reddening)]
        self.assert_refused(words, "must have the columns id and galactic_reddening; it has id")
        known = np.r_[30:39, 0:29]
        table = Table({name: test[name][known] for name in ("id", "galactic_reddening")})
        table.add_row(["another", 0.1])
        table.write(reddening, overwrite=True)
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(predict.main(words), 0)
        table = Table.read(rows)
        known = np.sort(known)
        self.assertAllEqual(table["id"], test["id"][known])
        self.assertAllClose(table["redshift"], expected["redshift"][known], rtol=1e-4)
        self.assertAllClose(
            np.column_stack([table[name] for name in densities]),
            expected["redshift_pdf"][known],
            rtol=1e-3,
        )
        left_out = Table.read(self.folder / "predicted_left_out.ecsv")
        self.assertAllEqual(
            left_out["reason"],
            ["the table of --inputs has no galactic_reddening of it"] * 2,
        )

        # Apache Beam answers the same.
        words[words.index(str(rows))] = str(self.folder / "beam.csv")
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(predict.main([*words, "--runner", "DirectRunner"]), 0)
        again = Table.read(self.folder / "beam.csv")
        self.assertEqual(again.colnames, table.colnames)
        for name in table.colnames:
            self.assertAllEqual(again[name], table[name])
        again = Table.read(self.folder / "beam_left_out.ecsv")
        self.assertAllEqual(again["source"], left_out["source"])
        self.assertAllEqual(again["reason"], left_out["reason"])
        # No object is in the table, which has changed since.
        Table({"id": ["another"], "galactic_reddening": [0.1]}).write(reddening, overwrite=True)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = predict.main([*words, "--runner", "DirectRunner", "--overwrite"])
        self.assertNotEqual(status, 0)
        self.assertRegex(printed.getvalue(), "none of .* can be used; .*has no galactic_reddening")

    def test_redshifts_outside_of_the_bins_are_named(self):
        message = "split 'train': redshift must be .*; 2 of 96 are not: train-1 .*, train-2 "
        with self.assertRaisesRegex(UserError, message):
            self.train(galaxies([0.1, -9999, 0.7]))


if __name__ == "__main__":
    tf.test.main()
