"""Builds of datasets that are killed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.subject import Subject, digest

__all__ = ["Build", "SkyBuild", "StampsBuild"]


class Build(Subject):
    """`trainers.datasets.loading.load` of a dataset that is not there yet."""

    dataset: str
    options: Mapping[str, Any]

    def job(self, folder: Path) -> int:
        from trainers.cli.exit_status import exit_status
        from trainers.datasets import loading

        options = ",".join(f"{name}={value}" for name, value in self.options.items())
        name = f"{self.dataset}/simulated/{options}"
        return exit_status("data", lambda _: loading.load(name, data_dir=folder / "data"), [])

    def check(self, folder: Path) -> list[str]:
        builder = self._builder(folder)
        if not Path(builder.data_dir).exists():
            return super().check(folder)
        lines = super().check(folder)
        for split, info in builder.info.splits.items():
            read = [row["id"] for row in self._read(folder, split)]
            if len(read) != info.num_examples or len(set(read)) != len(read):
                lines.append(
                    f"{split}: {len(read)} examples, {len(set(read))} different ones, of "
                    f"{info.num_examples}"
                )
        return lines

    def result(self, folder: Path) -> dict[str, str]:
        built = Path(self._builder(folder).data_dir)
        # What killed builds left behind would lie beside it.
        entries = sorted(p.name for p in built.parent.iterdir() if not p.name.startswith("."))
        files = sorted(path.name for path in built.iterdir())
        return {"versions": digest(entries), "files": digest(files)} | {
            # In other processes TFDS orders the features of an example otherwise.
            split: digest([_digests(row) for row in self._read(folder, split)])
            for split in self._builder(folder).info.splits
        }

    def _read(self, folder: Path, split: str) -> list[dict[str, Any]]:
        import tensorflow_datasets as tfds

        return list(tfds.as_numpy(self._builder(folder).as_dataset(split=split)))

    def _builder(self, folder: Path):
        import tfds_builders

        return tfds_builders.builder(
            self.dataset, config="simulated", options=self.options, data_dir=folder / "data"
        )


class SkyBuild(Build):
    """A dataset that TFDS writes itself."""

    name, title = "build", "dataset build (sdss_star_galaxy)"
    dataset = "sdss_star_galaxy"
    options: Mapping[str, Any] = {"num_objects": 150, "processes": 1}


class StampsBuild(Build):
    """A dataset that Apache Beam writes, a file at a time."""

    name, title = "beam_build", "dataset build by Apache Beam (simulated_blends)"
    dataset = "simulated_blends"
    options: Mapping[str, Any] = {
        "num_train": 1200,
        "num_validation": 20,
        "num_test": 20,
        "processes": 1,
    }


def _digests(example: Mapping[str, Any]) -> dict[str, str]:
    return {name: digest(np.asarray(value)) for name, value in example.items()}
