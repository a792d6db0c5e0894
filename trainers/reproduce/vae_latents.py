"""Quality of a VAE's reconstructions against latent dimension and loss (Xu et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

from trainers.datasets.dataset import Dataset
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.evaluators.statistics.similarity import pixel_range, structural_similarity
from trainers.reproduce import vae_latents_options
from trainers.reproduce.training import train
from trainers.reproduce.vae_latents_options import Cell, Options
from trainers.reproduce.vae_latents_report import Findings, Quality, write
from trainers.runs.experiment import Experiment
from trainers.runs.run_folder import load_model
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import read_json, write_json

__all__ = ["run"]

# Test images shown in the report, and for the SSIM of the components.
_SHOWN = 6
_SSIM_IMAGES = 500
# Training images for the principal components.
_PCA_IMAGES = 4000


def run(arguments: Sequence[str]) -> None:
    """Runs the experiment of a command line, or resumes it."""
    print(f"report  {VAELatents.run(vae_latents_options.parse(arguments))}", flush=True)


class VAELatents(Experiment):
    """VAEs of several latent dimensions and losses, beside principal components."""

    def __init__(self, options: Options):
        super().__init__(options)
        self._strategy = strategies.make("auto")
        dataset = self.datasets["dataset"] = options.load(options.dataset)
        for split in ("train", "test"):
            if not dataset.num_examples.get(split):
                raise UserError(f"`dataset` {options.dataset} must have a {split} split")
        images = dataset.arrays("test", limit=_SHOWN)["image"]
        self._findings = Findings(options, dataset, images)

    def train(self, cell: Cell) -> bool:
        findings, folder = self._findings, self.options.output_dir / cell.folder
        config = self.options.run_config(cell)
        training = train(config, findings.dataset, self._strategy)
        examples = folder / "examples.npy"
        if training.is_new or not examples.exists():
            images = load_model(folder).reconstruct(findings.originals)["reconstruction"]
            write_atomically(examples, lambda file: np.save(file, np.asarray(images)))
        numbers = training.metrics["reconstruction"]
        findings.trainings[cell] = training
        findings.cells[cell] = Quality(
            mse=numbers["mse"],
            ssim=numbers["ssim"],
            ssim_wide=numbers["ssim_sigma_10"],
            ssim_fixed_range=numbers.get("ssim_sigma_10_fixed_range"),
            examples=np.load(examples),
        )
        print(f"  {findings.cells[cell]}", flush=True)
        return training.is_new

    def report(self) -> Path:
        self._findings.components = _components(self.options, self._findings.dataset)
        return write(self._findings)


def _components(options: Options, dataset: Dataset) -> dict[int, Quality]:
    """Returns the quality of reconstructions from as many principal components of the pixels."""
    path = options.output_dir / "principal_components.json"
    earlier = read_json(path) if path.exists() else {}
    dims = sorted({*options.latent_dims, options.loss_dim})
    images = dataset.arrays("test")["image"]
    dims = [dim for dim in dims if dim < min(_PCA_IMAGES, dataset.num_examples["train"])]
    data_range = pixel_range(dataset.spec.units)
    # Each dimension has its MSE, two SSIMs, and a third where the pixels have a fixed range.
    length = 3 if data_range is None else 4
    if any(len(earlier.get(str(dim), ())) != length for dim in dims):
        train = dataset.arrays("train", limit=_PCA_IMAGES)["image"]
        flat = train.reshape(len(train), -1)
        pca = PCA(max(dims), svd_solver="randomized", random_state=0).fit(flat)
        centred = images.reshape(len(images), -1) - pca.mean_
        for dim in dims:
            axes = pca.components_[:dim]
            copies = (centred @ axes.T @ axes + pca.mean_).reshape(images.shape)
            shown = images[:_SSIM_IMAGES], copies[:_SSIM_IMAGES]
            measures = [np.square(images - copies).mean()]
            measures += [structural_similarity(*shown, sigma=sigma).mean() for sigma in (1.5, 10.0)]
            if data_range is not None:
                fixed = structural_similarity(*shown, sigma=10.0, data_range=data_range)
                measures.append(fixed.mean())
            earlier[str(dim)] = [float(measure) for measure in measures]
        write_json(path, earlier)
    return {dim: Quality(*earlier[str(dim)]) for dim in dims}
