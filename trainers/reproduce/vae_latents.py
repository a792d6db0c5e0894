"""How well a VAE redraws galaxies: against the number of latents, and against the loss.

    python -m trainers.reproduce vae_latents
    python -m trainers.reproduce vae_latents --full_grid --losses mse l1 ssim ms_ssim --epochs 20

After arXiv 2303.08627 and the talk on it, which chose 40 latents and the squared error by MSE and
SSIM of the reconstructions. The publication does not give the weight of the divergence; ours is
chosen for each loss (`vae_latents_options.BETAS`), and principal components of the pixels stand
beside. A training is a run in a folder of its own; the same command goes on where it was stopped.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

import keras
import numpy as np
from sklearn.decomposition import PCA

from trainers.datasets import loading
from trainers.datasets.dataset import Dataset
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.evaluators.statistics.similarity import structural_similarity
from trainers.reproduce import vae_latents_options
from trainers.reproduce.vae_latents_options import Cell, Options
from trainers.reproduce.vae_latents_report import Findings, Quality, write
from trainers.runs import experiment, pipeline
from trainers.runs.run_folder import RunFolder, load_model
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import read_json, write_json

__all__ = ["run"]

# Test images that are drawn in the report, and on which SSIM of components is measured.
_SHOWN = 6
_SSIM_IMAGES = 500
# Training images that the principal components are found from.
_PCA_IMAGES = 4000


def run(arguments: Sequence[str]) -> None:
    """Runs the experiment, or what is left of it.

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
    dataset = loading.load(
        options.dataset,
        data_dir=options.data_dir or None,
        manual_dir=options.manual_dir or None,
        max_examples=options.max_examples,
    )
    for split in ("train", "test"):
        if not dataset.num_examples.get(split):
            raise UserError(f"`dataset` {options.dataset} must have a {split} split")
    with experiment.opened(options.output_dir, options.experiment()):
        experiment.describe(options.output_dir, options.experiment(), {"dataset": dataset})
        findings = Findings(
            options,
            dict(dataset.num_examples),
            dataset.spec,
            dataset.arrays("test", limit=_SHOWN)["image"],
            arguments=shlex.join(arguments),
        )
        findings.components = _components(options, dataset)
        strategy = strategies.make("auto")
        begun = time.monotonic()
        for number, cell in enumerate(cells, 1):
            print(f"[{number}/{len(cells)}] {cell}", flush=True)
            findings.cells[cell] = _train(options, cell, dataset, strategy)
            keras.backend.clear_session()
            path = write(findings)
            left = (time.monotonic() - begun) / number * (len(cells) - number) / 60
            print(f"  {findings.cells[cell]}; about {left:.0f} min to go", flush=True)
    print(f"report  {path}", flush=True)


def _train(options: Options, cell: Cell, dataset: Dataset, strategy) -> Quality:
    config, folder = options.run_config(cell), RunFolder(options.output_dir / cell.folder)
    times, examples = folder.path / "seconds.json", folder.path / "examples.npy"
    earlier = read_json(times) if times.exists() else 0.0
    was_finished, begun = folder.finished.exists(), time.monotonic()
    outcome = pipeline.execute(config, loading.for_run(dataset, config), strategy, exports=False)
    if not was_finished:
        write_json(times, earlier + time.monotonic() - begun)
    if not was_finished or not examples.exists():
        images = dataset.arrays("test", limit=_SHOWN)["image"]
        drawn = load_model(folder.path).reconstruct(images)["reconstruction"]
        write_atomically(examples, lambda file: np.save(file, np.asarray(drawn)))
    numbers = outcome.metrics["reconstruction"]
    return Quality(
        numbers["mse"],
        numbers["ssim"],
        numbers["ssim_sigma_10"],
        np.load(examples),
        read_json(times) if times.exists() else None,
    )


def _components(options: Options, dataset: Dataset) -> dict[int, Quality]:
    """Returns how well as many principal components of the pixels do."""
    path = options.output_dir / "principal_components.json"
    earlier = read_json(path) if path.exists() else {}
    dims = sorted({*options.latent_dims, options.loss_dim})
    images = dataset.arrays("test")["image"]
    dims = [dim for dim in dims if dim < min(_PCA_IMAGES, dataset.num_examples["train"])]
    if any(str(dim) not in earlier for dim in dims):
        train = dataset.arrays("train", limit=_PCA_IMAGES)["image"]
        flat = train.reshape(len(train), -1)
        found = PCA(max(dims), svd_solver="randomized", random_state=0).fit(flat)
        centred = images.reshape(len(images), -1) - found.mean_
        for dim in dims:
            axes = found.components_[:dim]
            copies = (centred @ axes.T @ axes + found.mean_).reshape(images.shape)
            shown = images[:_SSIM_IMAGES], copies[:_SSIM_IMAGES]
            narrow, wide = (structural_similarity(*shown, sigma=s).mean() for s in (1.5, 10.0))
            squared = np.square(images - copies).mean()
            earlier[str(dim)] = [float(squared), float(narrow), float(wide)]
        write_json(path, earlier)
    return {dim: Quality(*earlier[str(dim)]) for dim in dims}
