"""Options by which a command takes other data than those of a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from trainers.options.fields import CheckedOptions, option

__all__ = ["OtherData"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class OtherData(CheckedOptions):
    """The run, and data in place of its own."""

    run_dir: Path | None = option(None)
    """Run folder."""

    dataset: str | None = option(None)
    """Dataset; default: that of the run."""

    data_dir: str | None = option(None)
    """Folder of TFDS datasets, or of the images of an `image_folder`; default: that of the run."""

    manual_dir: str | None = option(None)
    """Folder of manually downloaded files; default: that of the run."""

    images: list[str] | None = option(None, type=str, nargs="+", metavar="FILE")
    """Files, folders and patterns of `cutouts`; default: those of the run."""

    labels: str | None = option(None, metavar="FILE")
    """Table of the objects of `cutouts`; default: that of the run."""

    def given(self, *further: str) -> dict[str, Any]:
        """Returns the options that replace those of the run, as fields of its configuration.

        Args:
            *further: Names of options beyond those of the data.
        """
        own = [field.name for field in dataclasses.fields(OtherData) if field.name != "run_dir"]
        values = {name: getattr(self, name) for name in (*own, *further)}
        return {name: value for name, value in values.items() if value is not None}
