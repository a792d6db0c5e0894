"""Tests of `python -m trainers.export`."""

import contextlib
import io
import json
import os
from unittest import mock

import numpy as np
import tensorflow as tf

from tests.trainers.export_test import METRICS, SPEC, ExportTestCase
from trainers.datasets import loading
from trainers.datasets.in_memory import InMemoryDataset
from trainers.export import main
from trainers.options.run import RunConfig
from trainers.runs.run_folder import RunFolder
from trainers.serving import litert, onnx_files, server_files
from trainers.storage.json_files import write_json


class CommandTest(ExportTestCase):
    """`python -m trainers.export` on a run whose dataset is in memory."""

    def setUp(self):
        super().setUp()
        self.run_folder = RunFolder(self.folder / "run")
        self.run_folder.path.mkdir()
        self.served = self.folder / "served"
        config = RunConfig(model="tiny", seed=5, saved_models_dir=str(self.folder / "default"))
        write_json(self.run_folder.config, config.as_dict())
        write_json(self.run_folder.metrics, METRICS)
        self.model.save(self.run_folder.model)
        ids = np.arange(len(self.images)).astype(str)
        dataset = InMemoryDataset(SPEC, {"train": {"image": self.images.copy(), "id": ids}})
        self.load = self.enterContext(mock.patch.object(loading, "load", return_value=dataset))

    def command(self, *options):
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            status = main(["--run_dir", str(self.run_folder.path), *options])
        return status, output.getvalue(), errors.getvalue()

    def assert_fails(self, status, pattern, *options):
        actual, _, errors = self.command(*options)
        self.assertEqual((actual, errors.count("\n")), (status, 1), errors)
        self.assertRegex(errors, pattern)

    def test_exports_the_model_of_an_earlier_run(self):
        status, output, _ = self.command("--saved_models_dir", str(self.served))
        self.assertEqual((status, output), (0, f"SavedModel  {self.served}/tiny/1\n"))
        loaded = tf.saved_model.load(str(self.served / "tiny/1"))
        self.assertAllClose(
            loaded.signatures["serving_default"](image=self.images)["probability"],
            self.model(self.images)["probability"],
        )
        card = json.loads((self.served / "tiny/1/model_card.json").read_text())
        self.assertEqual(card["metrics"]["roc"]["auc"], 0.912)
        self.assertEqual(card["training"]["seed"], 5)

    def test_options(self):
        options = ("--version", "12", "--base_path", "/models")
        status, output, _ = self.command(*options)
        self.assertEqual((status, output), (0, f"SavedModel  {self.folder}/default/tiny/12\n"))
        config = server_files.read_models_config(self.folder / "default").model_config_list.config
        self.assertEqual(config[0].base_path, "/models/tiny")

    def test_files_of_other_formats_have_the_models_numbers(self):
        for kind, title, files in (("litert", "LiteRT", litert), ("onnx", "ONNX", onnx_files)):
            path = self.folder / f"tiny.{kind}"
            options = ("--format", kind, "--output", str(path))
            status, output, _ = self.command(*options)
            self.assertEqual((status, output), (0, f"{title}  {path}\n"))
            answers = files.answers(path.read_bytes(), self.images[:3])
            for name, expected in self.model(self.images[:3]).items():
                self.assertAllClose(answers[name], expected, rtol=1e-4, atol=1e-5)
            self.assert_fails(2, "--version must be left out with", "--version", "3", *options)
        self.assert_fails(2, "--output must be left out with", "--output", str(path))

    def test_mistakes_of_the_user_are_one_line_and_status_2(self):
        self.assertEqual(self.command()[0], 0)
        self.assert_fails(2, "version 1 exists already", "--version", "1")
        self.assert_fails(2, "--version must be at least 1; got -1", "--version=-1")
        self.assert_fails(2, "--version: invalid int value: 'new'", "--version", "new")
        self.assert_fails(2, "base_path must be an absolute path", "--base_path", "here")
        self.assert_fails(2, "unknown option '--speed'", "--speed")
        self.assert_fails(2, "no config.json", "--run_dir", str(self.folder / "nowhere"))
        self.run_folder.model.unlink()
        self.assert_fails(2, "has not finished training")

    def test_a_full_disk_is_one_line_and_status_1(self):
        full = OSError(28, "No space left on device")
        with mock.patch.object(os, "fsync", side_effect=full):
            self.assert_fails(1, "No space left on device")
        self.assertFalse((self.folder / "default/tiny").exists())


if __name__ == "__main__":
    tf.test.main()
