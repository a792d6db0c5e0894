"""Executes the notebooks of docs/notebooks/ again, each in a process of its own.

Examples:
    python -m documentation.notebooks
    python -m documentation.notebooks own_data
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

_FOLDER = Path(__file__).resolve().parents[1] / "docs" / "notebooks"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        0; a cell that fails ends it with the cell's error.
    """
    names = sorted(path.stem for path in _FOLDER.glob("*.ipynb"))
    parser = argparse.ArgumentParser(
        prog="python -m documentation.notebooks", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(names)}; default all."
    )
    chosen = parser.parse_args(arguments).names
    for name in chosen:
        if name not in names:
            parser.error(f"NAME must be one of {', '.join(names)}; got '{name}'")
    for name in chosen or names:
        _execute(_FOLDER / f"{name}.ipynb")
        print(f"executed  {name}", flush=True)
    return 0


def _execute(path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    # Commands in the notebook are those of this Python.
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=None, record_timing=False).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Remarks of libraries on the machine.
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    nbformat.write(notebook, path)


if __name__ == "__main__":
    sys.exit(main())
