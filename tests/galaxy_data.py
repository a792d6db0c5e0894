"""Where tests find real data."""

import os
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[1]


def path(name: str) -> Path:
    """Returns a folder or file of real data, or skips the test that asks for it.

    Args:
        name: Path below the environment variable GALAXY_DATA; without it, below ../shared/data
            beside the repository.
    """
    folder = Path(os.environ.get("GALAXY_DATA") or ROOT.parent / "shared" / "data")
    data = folder / name
    if not data.exists():
        raise unittest.SkipTest(f"no real data '{name}': set GALAXY_DATA to a folder that has it")
    return data
