"""The page: markup, style, scripts and data in one HTML file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

import matplotlib
import numpy as np

from trainers.exploration.objects import Objects
from trainers.exploration.scripts import joined_modules, without_exports
from trainers.exploration.sheets import MIME, SIDE, Sheets

__all__ = ["encoded_size", "page_parts"]

_ENGINE = ("regl-2.1.1.min.js", "pub-sub-es-3.0.0.js", "regl-scatterplot-1.16.0.min.js")
_ALIGNMENT = 8

# Its dark end cannot be seen on a dark ground.
_COLOUR_MAP, _DARKEST, _COLOURS = "viridis", 0.22, 64


def page_parts(
    objects: Objects,
    plane: np.ndarray,
    vectors: np.ndarray,
    pictures: tuple[np.ndarray, Sheets, int] | None,
    *,
    title: str,
    method: str,
    sort_by: str | None,
    classes: Sequence[str],
    command: str,
) -> Iterable[str]:
    """Yields a page piece by piece.

    Args:
        objects: The objects, without more columns than are shown.
        plane: (objects, 2) from -1 to 1.
        vectors: (objects, components) int8, for searches.
        pictures: Rows of the objects with thumbnails, in the order of the sheets; the sheets; and
            the size of a thumbnail, px. None without pictures.
        title: Title of the page.
        method: Name of the method that made the plane.
        sort_by: Column by which the list is sorted at first, the highest first; None for none.
        classes: Names of up to nine classes of labels.
        command: Command line, for the record.
    """
    arrays: dict[str, np.ndarray] = {"x": plane[:, 0], "y": plane[:, 1], "vectors": vectors}
    texts: dict[str, Sequence[str]] = {"id": list(objects.ids)}
    columns = []
    for index, column in enumerate(objects.columns.values()):
        about: dict[str, Any] = {
            "name": column.name,
            "kind": column.kind,
            "unit": column.unit,
            "description": column.description,
            "key": f"column{index}",
        }
        if column.kind == "text":
            texts[about["key"]] = column.values.tolist()
        else:
            arrays[about["key"]] = column.values
        if column.categories is not None:
            about["categories"] = column.categories
        columns.append(about)
    header: dict[str, Any] = {
        "title": title,
        "number": len(objects),
        "components": vectors.shape[1],
        "method": method,
        "columns": columns,
        "sort": sort_by,
        "classes": list(classes),
        "colours": _colours(),
        "catalogue": _fingerprint(objects.ids),
        "made": {
            **{name: str(objects.meta[name]) for name in _ABOUT if name in objects.meta},
            "command": command,
        },
    }
    if pictures is not None:
        rows, sheets, size = pictures
        place = np.full(len(objects), -1, np.int32)
        place[rows[: sheets.number]] = np.arange(sheets.number)
        arrays["place"] = place
        header["sheets"] = {"size": size, "side": SIDE, "type": MIME, "files": len(sheets.files)}
    block, header["arrays"] = _packed(arrays)
    yield _shell(title, header, texts, block)
    if pictures is not None:
        for index, file in enumerate(pictures[1].files):
            yield f'<script type="text/plain" id="sheet-{index}">'
            yield base64.b64encode(file).decode()
            yield "</script>\n"
    yield "</body>\n</html>\n"


_ABOUT = ("model", "run", "dataset", "dataver", "splits", "date")


def encoded_size(size: float) -> float:
    """Returns the bytes that so many bytes take in a page, as text."""
    return 4 / 3 * size


def _shell(title: str, header: Mapping[str, Any], texts: Mapping[str, Any], block: bytes) -> str:
    folder = resources.files("trainers.exploration") / "page"
    sources = {
        each.name: each.read_text(encoding="utf-8")
        for each in (folder / "js").iterdir()
        if each.name.endswith(".js")
    }
    vendor = {each.name: each.read_text(encoding="utf-8") for each in (folder / "vendor").iterdir()}
    engine = ";\n".join(
        vendor[name] if name.endswith(".min.js") else _global(vendor[name]) for name in _ENGINE
    )
    parts = {
        "title": html.escape(title),
        "style": (folder / "page.css").read_text(encoding="utf-8"),
        "licences": vendor["LICENSES.txt"].replace("--", "- -"),
        "engine": engine.replace("</script", "<\\/script"),
        "header": _json(header),
        "texts": _json(texts),
        "arrays": base64.b64encode(block).decode(),
        "script": joined_modules(sources, "main.js").replace("</script", "<\\/script"),
    }
    template = (folder / "page.html").read_text(encoding="utf-8")
    pieces = template.split("{{")
    text = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        text += [parts[name], rest]
    return "".join(text)


def _global(module: str) -> str:
    """Returns the source of pub-sub-es, a module alone, as the global that the others expect."""
    body = f"(() => {{\n{without_exports(module)}\nreturn createPubSub;\n}})()"
    return f"globalThis.createPubSub = {body}"


def _json(value: Any) -> str:
    # No text of a catalogue may end the element that it stands in.
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _packed(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, dict[str, list[Any]]]:
    """Returns arrays as one block, and type, offset and length of each."""
    block, places = bytearray(), {}
    for name, values in arrays.items():
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        places[name] = [values.dtype.name, len(block), little.size]
        block += little.tobytes()
        block += bytes(-len(block) % _ALIGNMENT)
    return bytes(block), places


def _colours() -> list[str]:
    colours = matplotlib.colormaps[_COLOUR_MAP](np.linspace(_DARKEST, 1, _COLOURS))
    return [matplotlib.colors.to_hex(colour) for colour in colours]


def _fingerprint(ids: Sequence[str]) -> str:
    """Returns a name for a set of objects, under which a browser keeps their labels."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]
