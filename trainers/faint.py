"""Classifiers of galaxies compared by magnitude, such as with and without faded training images.

Each classifier is a run or, for a mean answer and a robustness flag, the repeats of one: where they
disagree, an answer is not to be relied on. All are evaluated on the same images.

Examples:
    python -m trainers.faint --runs bright=runs/bright faded=runs/faded --fade magnitudes=0-4 \\
        --output_dir runs/faint
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.fading.options import Options

__all__ = ["main"]


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.faint", description=__doc__)

    from trainers.fading import comparison

    print(f"report  {comparison.compare(options)}")


main = command("faint", _command)

if __name__ == "__main__":
    sys.exit(main())
