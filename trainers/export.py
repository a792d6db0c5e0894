"""Exports a trained model for TensorFlow Serving.

Examples:
    python -m trainers.export --run_dir runs/vae_mixture
    python -m trainers.export --run_dir runs/vae_mixture --saved_models_dir served --version 3
    python -m trainers.export --run_dir runs/vae_mixture --base_path /models
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.options.fields import check_limits, option

__all__ = ["main"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """The run and the place of its SavedModel."""

    run_dir: Path = option()
    """Folder of the run."""

    saved_models_dir: Path | None = option(None, type=Path)
    """Folder of all models; default: that of the run."""

    version: int | None = option(None, least=1)
    """Version; default: one more than the highest there is."""

    base_path: str | None = option(None)
    """The folder of all models as the server sees it, such as /models in a container; default:
    what models.config says, or the folder itself."""

    def __post_init__(self) -> None:
        check_limits(self)


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.export", description=__doc__)

    from trainers.runs import exports

    saved_model = exports.export_again(
        options.run_dir, options.saved_models_dir, options.version, options.base_path
    )
    print(f"SavedModel  {saved_model}")


main = command("export", _command, "stopped; no version was written")

if __name__ == "__main__":
    sys.exit(main())
