"""Options of `python -m trainers.faint`."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

from trainers.errors import UserError
from trainers.options.fading import Fading
from trainers.options.fields import CheckedOptions, option

__all__ = ["Options"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(CheckedOptions):
    """Data options not given are those of the first run."""

    runs: list[str] = option(type=str, nargs="+", metavar="NAME=FOLDER")
    """Classifiers, the first being the one to compare with: folders of runs, or of repeats."""

    output_dir: Path = option()
    """Output folder."""

    fade: list[str] | None = option(None, type=str, nargs="+", metavar="NAME=VALUE")
    """Fading of the galaxies, such as magnitudes=0-4; default: that of the first run."""

    dataset: str | None = option(None)
    """Dataset; default: that of the first run."""

    data_dir: str | None = option(None)
    """Folder of TFDS datasets, or of the images of an `image_folder`; default: that of the first
    run."""

    split: str = option("test")
    """Split to evaluate."""

    max_objects: int = option(5000, least=1)
    """Evaluate at most this many objects, the first of the split."""

    seed: int = option(0, least=0)
    """Seed of the bootstrap resamples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fade is not None:
            Fading.parse(self.fade)
        names = [text.partition("=")[0] for text in self.runs]
        for text in self.runs:
            name, equals, folder = text.partition("=")
            if not name or not equals or not folder:
                raise UserError(f"`runs` takes NAME=FOLDER; got '{text}'")
            if names.count(name) > 1:
                raise UserError(f"`runs` must name '{name}' once; got {list(self.runs)}")

    @property
    def command(self) -> str:
        """The command that repeats the comparison."""
        words = ["python", "-m", "trainers.faint"]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and value != field.default:
                words += [f"--{field.name}", *(value if isinstance(value, list) else [str(value)])]
        return shlex.join(words)

    @property
    def folders(self) -> dict[str, Path]:
        """Folders by the name of the classifier."""
        pairs = (text.partition("=") for text in self.runs)
        return {name: Path(folder).expanduser() for name, _, folder in pairs}
