"""Galaxy Zoo DECaLS: images of galaxies with the votes of volunteers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.download import DownloadError

from tfds_builders.beam_shards import BeamShardsBuilder, ShardExamples
from tfds_builders.features import Stamp
from tfds_builders.galaxy_zoo_decals.catalogue import (
    MEASURED,
    POSTERIORS,
    GalaxiesOfFile,
    index,
    tree_of,
)
from tfds_builders.galaxy_zoo_decals.configs import CatalogueConfig, SimulatedConfig
from tfds_builders.galaxy_zoo_decals.examples import label_features
from tfds_builders.galaxy_zoo_decals.images import find_images, image_parts
from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.simulated import Galaxies, identifier
from tfds_builders.left_out import LeftOut
from tfds_builders.simulation.legacy_surveys import BANDS, CAMERAS
from tfds_builders.splits import SPLITS, group_by_split, split_of
from tfds_builders.surveys import NANOMAGGY_ZEROPOINT

__all__ = ["Builder"]

_URL = "https://zenodo.org/record/4573248/files"
_IMAGES = tuple(f"gz_decals_dr5_png_part{part}.zip" for part in range(1, 5))

# Galaxies in a file: some seconds of work.
_SHARD, _SIMULATED_SHARD = 500, 200
# Maximum names listed in one line about many galaxies.
_NAMED = 3


def _vector(kind: type, *shape: int) -> tfds.features.Tensor:
    return tfds.features.Tensor(shape=shape, dtype=kind)


_CATALOGUE = {
    "ra": np.float64,
    "dec": np.float64,
    "wrong_size_warning": np.bool_,
    **dict.fromkeys(MEASURED, np.float32),
}
_TRUTH = {
    "truth": _vector(np.int32, len(GZD5.questions)),
    "expected_fractions": _vector(np.float32, len(GZD5.answers)),
    **dict.fromkeys(
        (
            "clarity",
            "t_type",
            "redshift",
            "absolute_magnitude",
            "petro_th50",
            "petro_th90",
            "axis_ratio",
            "bulge_fraction",
            "bar_length",
            "bar_strength",
            "bar_fraction",
            "arm_fraction",
            "pitch_angle",
            "flocculence",
            "disturbance",
            "companion",
        ),
        np.float32,
    ),
    "arm_number": np.int32,
    "ring": np.bool_,
    "seeing": _vector(np.float32, len(BANDS)),
}


# Features of images of fluxes, one number for each band.
_OF_BANDS = ("noise_sigma", "electrons")


def _image(size: int, linear: bool) -> tfds.features.FeatureConnector:
    shape = (size, size, 3)
    if linear:
        return Stamp(shape=shape)
    return tfds.features.Image(shape=shape, encoding_format="png")


class Builder(BeamShardsBuilder):
    """Builder of galaxy_zoo_decals."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {
        "2.0.0": "Simulated galaxies of continuous parameters, with flocculent and irregular ones, "
        "dust and warps; votes of single volunteers; correlated noise.",
        "1.0.0": "First release.",
        "1.1.0": "The numerical Hubble type of simulated galaxies.",
    }
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    gzd5, gzd12, auto: what of https://zenodo.org/record/4573248 is not in manual_dir, or in its
    folder galaxy_zoo_decals, is downloaded (the images have 104 GB): the catalogue
    gz_decals_volunteers_5.csv, gz_decals_volunteers_1_and_2.csv or gz_decals_auto_posteriors.csv,
    and the images gz_decals_dr5_png_part1 to part4, as .zip or unpacked. If some of these parts are
    there, the galaxies of the others are left out.
    """
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        SimulatedConfig(
            name="simulated",
            description="Simulated galaxies and volunteers, as DECaLS sees them.",
        ),
        SimulatedConfig(
            name="simulated_bass",
            description="The same galaxies and votes, as BASS and MzLS see them.",
            survey="bass_mzls",
        ),
        CatalogueConfig(name="gzd5", description="Votes of GZD-5: ten questions, 34 answers."),
        CatalogueConfig(
            name="gzd12",
            description="Votes of GZD-1 and GZD-2: ten questions, 30 answers.",
            file="gz_decals_volunteers_1_and_2.csv",
            gzd12=True,
        ),
        CatalogueConfig(
            name="auto",
            description="Posteriors of the vote fractions of GZD-5 from a network.",
            file="gz_decals_auto_posteriors.csv",
            automated=True,
        ),
    ]

    @property
    def processes(self) -> int | None:
        return self.builder_config.processes

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        simulated = isinstance(config, SimulatedConfig)
        linear = simulated and config.linear
        tree = GZD5 if simulated else tree_of(config)
        features: dict[str, Any] = {
            "id": tfds.features.Text(),
            "image": _image(config.image_size, linear),
            **label_features(config),
            "fractions": _vector(np.float32, len(tree.answers)),
            **dict.fromkeys(("magnitude", "pixel_scale"), np.float32),
            **(_TRUTH if simulated else _CATALOGUE),
        }
        if linear:
            features |= {name: _vector(np.float32, len(BANDS)) for name in _OF_BANDS}
        if getattr(config, "automated", False):
            features["concentrations"] = _vector(np.float32, len(tree.answers), POSTERIORS)
            features["proportion_asked"] = _vector(np.float32, len(tree.questions))
        else:
            features["votes"] = _vector(np.int32, len(tree.answers))
            features["total_votes"] = _vector(np.int32, len(tree.questions))
            if not simulated:
                features["debiased_fractions"] = _vector(np.float32, len(tree.answers))
        metadata: dict[str, Any] = {
            "bands": list(BANDS) if linear else ["z", "r", "g"],
            "units": "nanomaggies" if linear else "counts (0-255)",
            "survey": CAMERAS[config.survey].name if simulated else "DECaLS",
            "questions": [
                {"name": each.name, "answers": each.answers, "parents": each.parents}
                for each in tree.questions
            ],
            "answers": tree.answers,
        }
        if simulated:
            camera = CAMERAS[config.survey]
            if linear:
                camera = camera.on_pixels(config.scale)
                metadata |= {"pixel_scale": config.scale, "zeropoint": NANOMAGGY_ZEROPOINT}
            metadata["seed"] = config.seed
            metadata["noise_sigma"] = {
                band: camera.noise_sigma(index) for index, band in enumerate(BANDS)
            }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage="https://doi.org/10.5281/zenodo.4573248",
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _shard_iterators_per_split(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, list[ShardExamples]]:
        config = self.builder_config
        if isinstance(config, SimulatedConfig):
            return self._simulated()
        self._left_out = LeftOut(config.on_error)
        # The same list, so that what the workers find is kept with the dataset too.
        self.info.metadata["left_out"] = self._left_out.lines
        catalogue, parts = self._files(dl_manager)
        usable = index(catalogue, find_images(parts), config, self._left_out)
        lines = []
        for names, why in (
            (usable.without_image, "without an image"),
            (usable.wrong_size, "with wrong_size_warning"),
        ):
            if names:
                more = ", ..." if len(names) > _NAMED else ""
                shown = ", ".join(names[:_NAMED]) + more
                lines.append(f"{len(names)} of {usable.rows} galaxies {why}: {shown}")
        self._left_out.lines[:0] = lines
        self.info.metadata.update(
            rows=usable.rows,
            without_image=len(usable.without_image),
            wrong_size=len(usable.wrong_size),
        )
        if not usable.offsets:
            why = next(iter(self._left_out.lines), "there are none")
            raise ValueError(f"{catalogue}: none of {usable.rows} galaxies is usable; {why}")
        members: dict[str, list[str]] = {split: [] for split in SPLITS}
        for name in usable.offsets:
            members[split_of(name)].append(name)
        return {
            # TFDS cannot store an empty split; a few galaxies may leave one without any.
            split: [
                GalaxiesOfFile(
                    config,
                    usable.path,
                    usable.columns,
                    [
                        (name, usable.offsets[name], usable.images[name])
                        for name in names[start : start + _SHARD]
                    ],
                )
                for start in range(0, len(names), _SHARD)
            ]
            for split, names in members.items()
            if names
        }

    def _simulated(self) -> dict[str, list[ShardExamples]]:
        config = self.builder_config
        names = {identifier(config.seed, index): index for index in range(config.num_galaxies)}
        return {
            split: [
                Galaxies(
                    config,
                    tuple(names[name] for name in members[start : start + _SIMULATED_SHARD]),
                )
                for start in range(0, len(members), _SIMULATED_SHARD)
            ]
            for split, members in group_by_split(names).items()
        }

    def report(self, left_out: Sequence[str]) -> None:
        if isinstance(self.builder_config, SimulatedConfig):
            return
        reported = set(self._left_out.lines)
        self._left_out.lines.extend(line for line in left_out if line not in reported)
        self._left_out.report()

    def _files(
        self, dl_manager: tfds.download.DownloadManager
    ) -> tuple[epath.Path, list[epath.Path]]:
        """Returns the catalogue and where the images are, from manual_dir or downloaded."""
        config = self.builder_config
        folders = []
        try:
            manual = epath.Path(dl_manager.manual_dir)
            folders = [manual, manual / self.name]
        except AssertionError:
            # There is none, or it is empty.
            pass
        catalogue = next((f / config.file for f in folders if (f / config.file).exists()), None)
        parts = [part for folder in folders if folder.is_dir() for part in image_parts(folder)]
        wanted = [] if catalogue else [config.file]
        wanted += [] if parts else list(_IMAGES)
        try:
            urls = {name: f"{_URL}/{name}" for name in wanted}
            paths = dl_manager.download(urls) if urls else {}
        except (OSError, DownloadError) as error:
            reason = " ".join(str(error).split())[:200]
            where = f"not in manual_dir ({folders[0]})" if folders else "not in manual_dir"
            raise FileNotFoundError(
                f"{wanted[0]} is {where}, and cannot be downloaded from {_URL} ({reason})"
            ) from None
        catalogue = catalogue or epath.Path(paths[config.file])
        return catalogue, parts or [epath.Path(paths[name]) for name in _IMAGES]
