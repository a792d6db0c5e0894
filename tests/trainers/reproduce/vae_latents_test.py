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
from trainers.reproduce import vae_latents, vae_latents_options

SHAPE = (16, 16, 3)


def dataset():
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16] - 7.5
    splits = {}
    for split, number in (("train", 48), ("validation", 16), ("test", 20)):
        width = generator.uniform(1, 4, (number, 1, 1))
        blob = 200 * np.exp(-0.5 * (x**2 + y**2) / width**2)[..., None]
        image = np.clip(blob + generator.normal(10, 5, (number, *SHAPE)), 0, 255).round()
        ids = np.array([f"{split}-{index}" for index in range(number)])
        splits[split] = {"image": image.astype(np.float32), "id": ids}
    spec = DatasetSpec("blobs", SHAPE, ("z", "r", "g"), None, "counts", (), None)
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
        again = vae_latents._components(options, dataset())
        self.assertEqual([q.ssim for q in again.values()], [q.ssim for q in components.values()])

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
