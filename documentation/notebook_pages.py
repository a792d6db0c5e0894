"""The notebooks as pages."""

from __future__ import annotations

import re
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
    # Commands of the shell are no Python, and would be marked as errors.
    return re.sub(r"```python\n(?=!)", "```sh\n", text), dict(resources["outputs"])
