"""Real survey data for tests: the folder GALAXY_DATA, by default ../shared/data."""

import os
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[1]


def path(name: str) -> Path:
    """Returns the path of a file or folder of the real data, or skips the test that asks.

    Args:
        name: Its path below the data's folder, as `aries_star_galaxy`.

    Raises:
        unittest.SkipTest: if it is not there.
        FileNotFoundError: if it is not there and CI is "true": checks that were not made must
            not look as if they were.
    """
    found = Path(os.environ.get("GALAXY_DATA") or ROOT.parent / "shared" / "data") / name
    if found.exists():
        return found
    told = f"no real data '{name}': GALAXY_DATA must name the folder that holds it"
    if os.environ.get("CI") == "true":
        raise FileNotFoundError(told)
    raise unittest.SkipTest(told)
