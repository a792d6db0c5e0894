"""Densities in bins as HDF5 files in the layout of `qp`, the library of DESC for redshifts."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from trainers.storage.atomic_files import write_atomically

__all__ = ["write"]


def write(
    path: Path,
    pdf: np.ndarray,
    low: float,
    high: float,
    ancillary: Mapping[str, np.ndarray],
) -> None:
    """Writes densities as an ensemble of histograms, which `qp.read(path)` reads.

    The groups are `meta` (`pdf_name` "hist", `pdf_version`, and `bins`, the edges of the bins),
    `data` (`pdfs`, the densities) and `ancil`.

    Args:
        path: The file.
        pdf: (number, bins), of integral 1.
        low: Lower edge of the first bin.
        high: Upper edge of the last bin.
        ancillary: Other numbers or texts of each object, (number,) each.

    References:
        The documentation of qp 1.1, "Data structure".
    """
    contents = io.BytesIO()
    with h5py.File(contents, "w") as file:
        file["meta/pdf_name"] = np.array([b"hist"])
        file["meta/pdf_version"] = np.array([0])
        file["meta/bins"] = np.linspace(low, high, pdf.shape[1] + 1)[None]
        file["data/pdfs"] = np.asarray(pdf, np.float64)
        for name, values in ancillary.items():
            values = np.asarray(values)
            is_text = values.dtype.kind == "U"
            file[f"ancil/{name}"] = np.char.encode(values, "utf-8") if is_text else values
    write_atomically(path, lambda file: file.write(contents.getvalue()))
