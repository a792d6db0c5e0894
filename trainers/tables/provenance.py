"""Date, versions and command line of what a command writes."""

from __future__ import annotations

import contextlib
import datetime
import platform
import shlex
from collections.abc import Sequence
from importlib import metadata

__all__ = ["PACKAGES", "installed_versions", "provenance"]

PACKAGES = (
    "tensorflow",
    "keras",
    "tensorflow-probability",
    "tensorflow-datasets",
    "numpy",
    "galaxy-model-zoo",
)
"""Packages on which the numbers of a run depend."""


def installed_versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Returns the versions of Python, the platform and those packages that are installed."""
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


def provenance(command: str, arguments: Sequence[str], packages: Sequence[str]) -> dict[str, str]:
    """Returns date, versions and command line for the metadata of a table.

    Args:
        command: Name of the module in `trainers`.
        arguments: The command line without the program's name.
        packages: Packages on which the numbers depend.
    """
    versions = installed_versions(packages)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "creator": ", ".join(f"{name} {versions[name]}" for name in packages if name in versions),
        "command": shlex.join(["python", "-m", f"trainers.{command}", *arguments]),
    }
