"""Quality of a VAE's reconstructions against latent dimension and loss (Xu et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA

from trainers.datasets.dataset import Dataset
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.evaluators.statistics.similarity import structural_similarity
from trainers.reproduce import vae_latents_options
from trainers.reproduce.training import train, with_progress
from trainers.reproduce.vae_latents_options import Cell, Options
from trainers.reproduce.vae_latents_report import Findings, Quality, write
from trainers.runs import experiment, pipeline
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
    """Runs the experiment, or resumes it.

    Args:
        arguments: The command line behind the name of the experiment.

    Raises:
        UserError: if options, data, model or folder do not fit together.
        TrainingError: if a training cannot go on.
    """
    options = vae_latents_options.parse(arguments)
    cells = options.cells()
    for cell in cells:
        pipeline.check_model(options.run_config(cell))
    dataset = options.load(options.dataset)
    for split in ("train", "test"):
        if not dataset.num_examples.get(split):
            raise UserError(f"`dataset` {options.dataset} must have a {split} split")
    with experiment.opened(options) as record:
        record({"dataset": dataset})
        findings = Findings(options, dataset, dataset.arrays("test", limit=_SHOWN)["image"])
        findings.components = _components(options, dataset)
        strategy = strategies.make("auto")
        for cell in with_progress(cells):
            findings.trainings[cell] = train(options.run_config(cell), dataset, strategy)
            findings.cells[cell] = _quality(options, cell, findings)
            print(f"  {findings.cells[cell]}", flush=True)
            path = write(findings)
    print(f"report  {path}", flush=True)


def _quality(options: Options, cell: Cell, findings: Findings) -> Quality:
    folder = options.output_dir / cell.folder
    examples, training = folder / "examples.npy", findings.trainings[cell]
    if training.is_new or not examples.exists():
        images = load_model(folder).reconstruct(findings.originals)["reconstruction"]
        write_atomically(examples, lambda file: np.save(file, np.asarray(images)))
    numbers = training.metrics["reconstruction"]
    return Quality(numbers["mse"], numbers["ssim"], numbers["ssim_sigma_10"], np.load(examples))


def _components(options: Options, dataset: Dataset) -> dict[int, Quality]:
    """Returns the quality of reconstructions from as many principal components of the pixels."""
    path = options.output_dir / "principal_components.json"
    earlier = read_json(path) if path.exists() else {}
    dims = sorted({*options.latent_dims, options.loss_dim})
    images = dataset.arrays("test")["image"]
    dims = [dim for dim in dims if dim < min(_PCA_IMAGES, dataset.num_examples["train"])]
    if any(str(dim) not in earlier for dim in dims):
        train = dataset.arrays("train", limit=_PCA_IMAGES)["image"]
        flat = train.reshape(len(train), -1)
        pca = PCA(max(dims), svd_solver="randomized", random_state=0).fit(flat)
        centred = images.reshape(len(images), -1) - pca.mean_
        for dim in dims:
            axes = pca.components_[:dim]
            copies = (centred @ axes.T @ axes + pca.mean_).reshape(images.shape)
            shown = images[:_SSIM_IMAGES], copies[:_SSIM_IMAGES]
            narrow, wide = (structural_similarity(*shown, sigma=s).mean() for s in (1.5, 10.0))
            squared = np.square(images - copies).mean()
            earlier[str(dim)] = [float(squared), float(narrow), float(wide)]
        write_json(path, earlier)
    return {dim: Quality(*earlier[str(dim)]) for dim in dims}
