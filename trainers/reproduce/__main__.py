"""Reproduces a publication: `python -m trainers.reproduce NAME`; options: `NAME --help`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from trainers.cli.exit_status import command
from trainers.errors import UserError

__all__ = ["PUBLICATIONS", "main"]

PUBLICATIONS = {
    "blendhunter": "Farrens et al. 2022, blends of galaxies beside SEP",
    "vae_latents": "Xu et al. 2023, reconstructions against latents and loss",
}
"""The publications by name, which is that of the module, with a description."""


def _command(arguments: Sequence[str]) -> None:
    names = "\n".join(f"  {name}  {title}" for name, title in PUBLICATIONS.items())
    if arguments[:1] in (["-h"], ["--help"]):
        print(f"{__doc__}\n\n{names}")
        return
    if not arguments or arguments[0] not in PUBLICATIONS:
        name = f"'{arguments[0]}'" if arguments else "nothing"
        raise UserError(f"NAME must be one of {', '.join(PUBLICATIONS)}; got {name}")
    publication = importlib.import_module(f"trainers.reproduce.{arguments[0]}")
    publication.run(arguments[1:])


main = command("reproduce", _command)

if __name__ == "__main__":
    sys.exit(main())
