"""Links between pages that lie in several folders of the repository.

Pages link to files where they lie in the repository, so that the links also work on its host.
MkDocs loads this file as a hook (mkdocs.yml), which adds the pages from outside docs/ and leads
each link to the place of its target in the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

__all__ = ["on_files", "on_page_content", "on_page_markdown"]

ROOT = Path(__file__).resolve().parents[2]

# Pages outside docs/, by their place in the site.
_SOURCES = {
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "saved_models.md": "saved_models/README.md",
}
_LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=(#[^)\s]*)?\))")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the pages from outside docs/."""
    from mkdocs.structure.files import File

    for page, source in _SOURCES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replaces targets relative to the repository by targets relative to the site."""
    here = page.file.src_uri
    if here.endswith(".ipynb"):
        return markdown
    folder = posixpath.dirname(_source(here))

    def replace(match: re.Match) -> str:
        target = _page(posixpath.normpath(posixpath.join(folder, match[0])))
        return posixpath.relpath(target, posixpath.dirname(here) or ".")

    return _LINK.sub(replace, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replaces links of notebooks, which mkdocs-jupyter leaves as they are."""
    if page.file.src_uri.endswith(".ipynb"):
        return re.sub(r'(href="[^":]+)\.(?:md|ipynb)(?=[#"])', r"\1.html", html)
    return html


def _source(page: str) -> str:
    """Returns the path in the repository of a page of the site."""
    dataset = re.fullmatch(r"datasets/(\w+)\.md", page)
    if dataset and dataset[1] != "index":
        return f"tfds_builders/{dataset[1]}/README.md"
    return _SOURCES.get(page, f"docs/{page}")


def _page(source: str) -> str:
    """Returns the path in the site of a file of the repository."""
    pages = {path: page for page, path in _SOURCES.items()} | {"README.md": "index.md"}
    readme = re.fullmatch(r"tfds_builders/(\w+)/README\.md", source)
    if readme:
        return f"datasets/{readme[1]}.md"
    return pages.get(source, source.removeprefix("docs/"))
