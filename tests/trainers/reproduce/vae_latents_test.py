import json
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.reproduce import __main__ as reproduce
from trainers.reproduce import vae_latents, vae_latents_options, vae_latents_report
from trainers.storage.json_files import read_json

SHAPE = (16, 16, 3)


def dataset(units="counts (0-255)"):
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16] - 7.5
    splits = {}
    for split, number in (("train", 48), ("validation", 16), ("test", 20)):
        width = generator.uniform(1, 4, (number, 1, 1))
        blob = 200 * np.exp(-0.5 * (x**2 + y**2) / width**2)[..., None]
        image = np.clip(blob + generator.normal(10, 5, (number, *SHAPE)), 0, 255).round()
        ids = np.array([f"{split}-{index}" for index in range(number)])
        splits[split] = {"image": image.astype(np.float32), "id": ids}
    spec = DatasetSpec("blobs", SHAPE, ("z", "r", "g"), None, units, (), None)
    return InMemoryDataset(spec, splits)


class VAELatentsTest(tf.test.TestCase):
    def run_command(self, folder, *arguments):
        small = ("--hp", "filters=[4]", "--epochs", "1", "--dataset", "blobs", "--loss_dim", "2")
        with mock.patch.object(loading, "load", lambda *_, **__: dataset()):
            return reproduce.main(
                ["vae_latents", "--output_dir", str(folder), *small, "--latent_dims", *arguments]
            )

    def test_grid_goes_on_and_grows(self):
        folder = Path(self.get_temp_dir()) / "grid"
        self.assertEqual(self.run_command(folder, "2", "--losses", "mse"), 0)
        finished = folder / "mse" / "latents_2" / "finished.json"
        before = finished.stat().st_mtime_ns
        self.assertEqual(self.run_command(folder, "2", "--losses", "mse", "ssim"), 0)
        self.assertEqual(finished.stat().st_mtime_ns, before)
        metrics = json.loads((folder / "metrics.json").read_text())["vae_latents"]
        self.assertLessEqual({"mse_2_mse", "ssim_2_ssim", "ssim_2_ssim_sigma_10"}, set(metrics))
        report = (folder / "report.md").read_text()
        self.assertIn("| principal components | 2 |", report)
        self.assertIn("SSIM, sigma 10, range 255 |", report)
        self.assertIn("mse_2_ssim_sigma_10_fixed_range", metrics)
        for name in ("dimension", "loss", "examples"):
            self.assertTrue((folder / "figures" / f"vae_latents_{name}.png").exists())
        # An experiment with other settings is another one.
        self.assertEqual(self.run_command(folder, "2", "--losses", "mse", "--seed", "1"), 2)

    def test_error_of_components_is_that_of_scikit_learn(self):
        options = vae_latents_options.parse(
            ["--latent_dims", "1", "3", "--loss_dim", "3", "--output_dir", self.get_temp_dir()]
        )
        components = vae_latents._components(options, dataset())
        train, test = (dataset().arrays(s)["image"].reshape(-1, 768) for s in ("train", "test"))
        for dim, quality in components.items():
            model = PCA(dim).fit(train)
            copies = model.inverse_transform(model.transform(test))
            self.assertAllClose(quality.mse, np.square(test - copies).mean(), rtol=1e-3)
            pair = (np.float32(x).reshape(-1, *SHAPE) for x in (test, copies))
            by_band = (tf.transpose(x, (0, 3, 1, 2))[..., None] for x in pair)
            expected = tf.image.ssim(*by_band, 255.0, filter_size=11, filter_sigma=10.0)
            self.assertAllClose(quality.ssim_fixed_range, tf.reduce_mean(expected), rtol=1e-4)
        again = vae_latents._components(options, dataset())
        self.assertEqual([q.ssim for q in again.values()], [q.ssim for q in components.values()])
        # Those of an experiment of before there was the fixed range are made anew.
        path = options.output_dir / "principal_components.json"
        path.write_text(json.dumps({dim: values[:3] for dim, values in read_json(path).items()}))
        self.assertEqual(vae_latents._components(options, dataset()), components)

    def test_images_without_a_fixed_range(self):
        folder = self.get_temp_dir()
        options = vae_latents_options.parse(
            ["--latent_dims", "1", "--loss_dim", "1", "--output_dir", folder]
        )
        findings = vae_latents_report.Findings(
            options, dataset("nanomaggies"), dataset().arrays("test")["image"][:2]
        )
        findings.components = vae_latents._components(options, findings.dataset)
        self.assertIsNone(findings.components[1].ssim_fixed_range)
        (table,) = vae_latents_report._section(findings).tables
        self.assertEqual(list(table.header[-3:]), ["SSIM", "SSIM, sigma 10", "training, s"])

    def test_cells_and_mistakes(self):
        options = vae_latents_options.parse(["--latent_dims", "5", "2", "--loss_dim", "5"])
        folders = [f"mse/latents_{dim}" for dim in (2, 5)]
        folders += [f"{loss}/latents_5" for loss in ("l1", "ssim", "ms_ssim")]
        self.assertEqual([cell.folder for cell in options.cells()], folders)
        full = vae_latents_options.parse(["--latent_dims", "5", "2", "--full_grid"])
        self.assertLen(full.cells(), 8)
        config = options.run_config(options.cells()[0])
        self.assertEqual(config.hp["beta"], vae_latents_options.BETAS["mse"])
        for arguments, message in (
            (["--latent_dims", "0"], "`latent_dims` must be at least 1"),
            (["--beta", "-1"], "`beta` must be at least 0"),
            (["--hp", "beta"], "`hp` takes NAME=VALUE"),
        ):
            with self.assertRaisesRegex(UserError, message):
                vae_latents_options.parse(arguments)
