"""What MkDocs does beside rendering docs/: made pages, links into the repository, navigation.

MkDocs loads this file by its path; `python -m mkdocs` in the root finds the packages.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tfds_builders
import zoo
from documentation import dataset_pages, model_pages, notebook_pages
from documentation.markdown import map_links

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]

# Pages of the repository that lie elsewhere, by their place in the site.
_ELSEWHERE = {
    "start.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "saved_models.md": "saved_models/README.md",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Makes the navigation from docs/index.md, so that there is one list of the pages."""
    nav: list[Any] = ["index.md"]
    for section in (ROOT / "docs" / "index.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        pages = re.findall(r"^\| \[[^]]*\]\(([^)]+)\)", section, re.MULTILINE)
        places = [_in_site(posixpath.normpath(f"docs/{page}")) for page in pages]
        nav.append({section.splitlines()[0]: places})
    nav.append({"Model by model": _listed("models", zoo.list_models())})
    nav.append({"Dataset by dataset": _listed("datasets", tfds_builders.list_datasets())})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made, and those that lie elsewhere."""
    made: dict[str, str | bytes] = {
        page: (ROOT / source).read_text(encoding="utf-8") for page, source in _ELSEWHERE.items()
    }
    for folder, pages, names in (
        ("models", model_pages, zoo.list_models()),
        ("datasets", dataset_pages, tfds_builders.list_datasets()),
    ):
        made[f"{folder}/index.md"] = pages.index()
        made |= {f"{folder}/{name}.md": pages.page(name) for name in names}
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        text, pictures = notebook_pages.page(Path(file.abs_src_path))
        files.remove(file)
        made[str(Path(file.src_uri).with_suffix(".md"))] = text
        made |= {posixpath.join(posixpath.dirname(file.src_uri), n): p for n, p in pictures.items()}
    for name, content in made.items():
        _add(files, config, name, content)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lets links lead to where their targets are in the site."""
    here = page.file.src_uri
    source = _source(here)

    def change(target: str, anchor: str) -> str:
        if not target:
            return anchor
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        site = _in_site(path)
        if files.get_file_from_path(site) is None and (ROOT / path).is_file():
            _add(files, config, site, (ROOT / path).read_bytes())
        return posixpath.relpath(site, posixpath.dirname(here) or ".") + anchor

    return map_links(markdown, change)


def _add(files: Files, config: MkDocsConfig, name: str, content: str | bytes) -> None:
    from mkdocs.structure.files import File

    files.append(File.generated(config, name, content=content))


def _listed(folder: str, names: Any) -> list[str]:
    return [f"{folder}/{name}.md" for name in ("index", *names)]


def _source(page: str) -> str:
    """Returns the place in the repository of a page of the site."""
    name = Path(page).stem
    if page.startswith("datasets/") and name in tfds_builders.list_datasets():
        return f"tfds_builders/{name}/README.md"
    return _ELSEWHERE.get(page, f"docs/{page}")


def _in_site(path: str) -> str:
    """Returns the place in the site of a file of the repository."""
    elsewhere = {source: page for page, source in _ELSEWHERE.items()}
    readmes = {
        f"tfds_builders/{name}/README.md": f"datasets/{name}.md"
        for name in tfds_builders.list_datasets()
    }
    found = (elsewhere | readmes).get(path, path.removeprefix("docs/"))
    return re.sub(r"\.ipynb$", ".md", found)
