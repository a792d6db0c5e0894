"""The file of a set of weights: from the package, a folder or a mirror, never unchecked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from zoo.weights.manifest import Manifest
from zoo.weights.named_weights import SOURCE_VARIABLE

__all__ = ["CACHE", "fetch", "sha256"]

CACHE = "galaxy_model_zoo"
"""Name of the folder of fetched files in the user's cache (`pooch.os_cache`)."""


def fetch(manifest: Manifest) -> Path:
    """Returns the path of the weights' file, whose checksum is that of the manifest.

    A file beside the manifest is taken. Otherwise the environment variable GALAXY_ZOO_WEIGHTS
    names a folder, or a URL from which the file is fetched once, into the user's cache.

    Raises:
        ValueError: if the file has another checksum, or nothing says where it is.
        OSError: if it cannot be fetched.
    """
    beside = manifest.path.with_suffix(".keras")
    if beside.is_file():
        return _checked(beside, manifest)
    source = os.environ.get(SOURCE_VARIABLE, "")
    if not source:
        raise ValueError(
            f"weights '{manifest.name}' ({manifest.file.size / 1e6:.1f} MB) do not come with the "
            f"package: set the environment variable {SOURCE_VARIABLE} to the folder or the URL of "
            f"a mirror that holds {manifest.file_name}"
        )
    if "://" in source:
        return _download(f"{source.rstrip('/')}/{manifest.file_name}", manifest)
    path = Path(source).expanduser() / manifest.file_name
    if not path.is_file():
        raise ValueError(f"{SOURCE_VARIABLE} must hold {manifest.file_name}; {path} is not there")
    return _checked(path, manifest)


def sha256(path: Path) -> str:
    """Returns the checksum of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(path: Path, manifest: Manifest) -> Path:
    size = path.stat().st_size
    if size != manifest.file.size:
        raise ValueError(f"{path} must have {manifest.file.size} bytes; it has {size}")
    checksum = sha256(path)
    if checksum != manifest.file.sha256:
        raise ValueError(
            f"{path} must have the SHA-256 {manifest.file.sha256} of weights '{manifest.name}'; "
            f"it has {checksum}"
        )
    return path


def _download(url: str, manifest: Manifest) -> Path:
    import pooch
    import requests

    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{SOURCE_VARIABLE} must be a folder, or an http or https URL; got {url}")
    try:
        # Fetched beside, checked, then renamed; a file of the cache that is spoilt is replaced.
        fetched = pooch.retrieve(
            url,
            known_hash=f"sha256:{manifest.file.sha256}",
            fname=Path(manifest.file_name).name,
            path=pooch.os_cache(CACHE) / manifest.model,
        )
    except ValueError as error:
        raise ValueError(
            f"{url} must have the SHA-256 {manifest.file.sha256} of weights '{manifest.name}': "
            f"{_line(error)}"
        ) from None
    except requests.RequestException as error:
        raise OSError(f"weights '{manifest.name}' cannot be fetched: {_line(error)}") from None
    return Path(fetched)


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
