"""The notebooks as pages."""

from __future__ import annotations

from pathlib import Path

__all__ = ["page"]


def page(path: Path) -> tuple[str, dict[str, bytes]]:
    """Returns a notebook as it was last executed.

    Args:
        path: The notebook.

    Returns:
        The page, and its pictures by their names relative to the page's folder.
    """
    from nbconvert import MarkdownExporter

    files = {"output_files_dir": f"{path.stem}_files"}
    text, resources = MarkdownExporter().from_filename(str(path), resources=files)
    return text, dict(resources["outputs"])
