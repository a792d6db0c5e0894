"""Stars and galaxies in u g r i z cutouts, simulated or from the SDSS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from tfds_builders.exclusive_build import ExclusiveBuild
from tfds_builders.features import Stamp
from tfds_builders.left_out import LeftOut
from tfds_builders.progress import ProgressLines
from tfds_builders.sdss_star_galaxy.configs import FramesConfig, RecordsConfig, SimulatedConfig
from tfds_builders.sdss_star_galaxy.frames import (
    FieldKey,
    Row,
    cut_stamps,
    frame_name,
    frame_url,
    read_tables,
)
from tfds_builders.sdss_star_galaxy.objects import ObjectFiles
from tfds_builders.simulation.catalogue import Sky, simulate_many
from tfds_builders.simulation.observation import FIELDS, median_noise
from tfds_builders.simulation.population import CLASSES, class_fractions
from tfds_builders.splits import SPLITS, group_by_split
from tfds_builders.surveys import NANOMAGGY_ZEROPOINT, survey

__all__ = ["Builder"]

_SIZE = 64
_BANDS = ("u", "g", "r", "i", "z")

_Examples = Iterator[tuple[str, dict[str, Any]]]


class Builder(ExclusiveBuild, tfds.core.GeneratorBasedBuilder):
    """Builder of sdss_star_galaxy."""

    VERSION = tfds.core.Version("1.2.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {
        "1.2.0": "simulated: drawn in Fourier space; other noise of the same size. "
        "labeled, frames: no class fractions, which came from the labels.",
        "1.1.0": "simulated: fields of one run, whose seeing scatters by 5 % and not by 12 %.",
        "1.0.0": "First release.",
    }
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    labeled, unlabeled: the .npy record arrays, in any folders under manual_dir.
    frames: a CasJobs table (.csv) with objID, ra, dec, class, z, run, rerun, camcol, field in
    manual_dir; frames that are not there, as frame-r-003836-4-0084.fits.bz2, are downloaded.
    """
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        SimulatedConfig(
            name="simulated",
            description="A simulated sky with SDSS seeing, depth, number counts and colours.",
        ),
        RecordsConfig(name="labeled", description="Record arrays with image, class and redshift."),
        RecordsConfig(name="unlabeled", description="Record arrays with images.", labelled=False),
        FramesConfig(name="frames", description="Stamps cut from SDSS frames around a table."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        sdss = survey("SDSS", _BANDS)
        features: dict[str, Any] = {
            "id": tfds.features.Text(),
            "image": Stamp(shape=(_SIZE, _SIZE, len(_BANDS))),
        }
        metadata: dict[str, Any] = {
            "bands": list(_BANDS),
            "pixel_scale": sdss.pixel_scale,
            "units": "nanomaggies",
            "zeropoint": NANOMAGGY_ZEROPOINT,
            "survey": sdss.name,
        }
        labelled = getattr(config, "labelled", True)
        if labelled:
            features["label"] = tfds.features.ClassLabel(names=list(CLASSES))
            features["redshift"] = np.float32
        if isinstance(config, SimulatedConfig):
            vector = tfds.features.Tensor(shape=(len(_BANDS),), dtype=np.float32)
            features |= {
                "magnitude": vector,
                "half_light_radius": np.float32,
                "sersic_index": np.float32,
                "ellipticity": np.float32,
                "seeing": vector,
                "field": np.int32,
                "psf_magnitude": vector,
                "model_magnitude": vector,
            }
            if config.crowded:
                features["neighbour_distance"] = np.float32
            metadata |= {
                "class_fractions": list(class_fractions(config.bright, config.faint)),
                "seed": config.seed,
                "fields": FIELDS,
                "noise_sigma": [float(sigma) for sigma in median_noise(sdss)],
            }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label") if labelled else None,
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, _Examples]:
        config = self.builder_config
        if isinstance(config, SimulatedConfig):
            return self._simulated()
        left_out = LeftOut(config.on_error)
        # The same list, so that what is found later is kept with the dataset too.
        self.info.metadata["left_out"] = left_out.lines
        try:
            folder = epath.Path(dl_manager.manual_dir)
        except AssertionError:
            # TFDS says so in many lines.
            wanted = "a CasJobs table" if isinstance(config, FramesConfig) else ".npy record arrays"
            raise FileNotFoundError(
                f"manual_dir must be a folder with {wanted} for {self.name}/{config.name}; "
                "there is none or it is empty"
            ) from None
        if isinstance(config, RecordsConfig):
            return self._records(folder, left_out)
        return self._frames(folder, dl_manager, left_out)

    def _generate_examples(self, indices: Mapping[str, int], progress: ProgressLines) -> _Examples:
        config = self.builder_config
        sky = Sky(
            survey=survey("SDSS", _BANDS),
            size=_SIZE,
            bright=config.bright,
            faint=config.faint,
            seed=config.seed,
            seeing_scatter=config.seeing_scatter,
            crowding=config.crowding,
            closest=config.closest,
        )
        examples = simulate_many(sky, list(indices.values()), config.processes)
        for identifier, (_, example) in zip(indices, examples, strict=True):
            progress.add(1)
            if not config.crowded:
                del example["neighbour_distance"]
            yield identifier, {"id": identifier, **example}

    def _simulated(self) -> dict[str, _Examples]:
        config = self.builder_config
        indices = {f"sim-{config.seed}-{index:08d}": index for index in range(config.num_objects)}
        progress = ProgressLines(f"simulating {self.name}", len(indices))
        return {
            split: self._generate_examples({name: indices[name] for name in members}, progress)
            for split, members in group_by_split(indices).items()
        }

    def _records(self, folder: epath.Path, left_out: LeftOut) -> dict[str, _Examples]:
        files = ObjectFiles.index(
            folder,
            labelled=self.builder_config.labelled,
            size=_SIZE,
            bands=len(_BANDS),
            left_out=left_out,
        )
        left_out.report()
        return {split: files.examples(split) for split in SPLITS}

    def _frames(
        self,
        folder: epath.Path,
        dl_manager: tfds.download.DownloadManager,
        left_out: LeftOut,
    ) -> dict[str, _Examples]:
        rows = read_tables(folder, left_out)
        left_out.report()
        members = group_by_split(rows)
        paths: dict[FieldKey, dict[str, epath.Path]] = defaultdict(dict)
        missing: dict[tuple[FieldKey, str], str] = {}
        for key in sorted({row.key for row in rows.values()}):
            for band in _BANDS:
                name = frame_name(key, band)
                local = [folder / name, folder / "frames" / name]
                local += [path.with_suffix("") for path in local]
                present = next((path for path in local if path.exists()), None)
                if present is None:
                    missing[key, band] = frame_url(key, band)
                else:
                    paths[key][band] = present
        if missing:
            for (key, band), path in dl_manager.download(missing).items():
                paths[key][band] = epath.Path(path)
        return {
            split: _frame_examples([rows[name] for name in names], paths, left_out)
            for split, names in members.items()
        }


def _frame_examples(
    rows: list[Row], paths: Mapping[FieldKey, Mapping[str, epath.Path]], left_out: LeftOut
) -> _Examples:
    fields: dict[FieldKey, list[Row]] = defaultdict(list)
    for row in rows:
        fields[row.key].append(row)
    already = len(left_out.lines)
    for key, members in sorted(fields.items()):
        frames = {band: paths[key][band] for band in _BANDS}
        for row, stamp in cut_stamps(members, frames, size=_SIZE, left_out=left_out):
            yield (
                row.identifier,
                {
                    "id": row.identifier,
                    "image": stamp,
                    "label": row.label,
                    "redshift": row.redshift,
                },
            )
    if len(left_out.lines) > already:
        left_out.report()
