"""Folder of files that a user has downloaded by hand."""

from __future__ import annotations

import tensorflow_datasets as tfds

__all__ = ["manual_folder"]


def manual_folder(dl_manager: tfds.download.DownloadManager, dataset: str, contents: str) -> str:
    """Returns `manual_dir`.

    Args:
        dl_manager: Of the build.
        dataset: Name of dataset and configuration, for the message.
        contents: What must be there, for the message.

    Raises:
        FileNotFoundError: if there is none or it is empty.
    """
    try:
        return str(dl_manager.manual_dir)
    except AssertionError:
        # TFDS says so in many lines.
        raise FileNotFoundError(
            f"manual_dir must be a folder with {contents} for {dataset}; there is none or it is "
            "empty"
        ) from None
