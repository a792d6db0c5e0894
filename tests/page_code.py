"""The Python that pages show, run where the page stands in a scratch folder."""

import contextlib
import importlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from unittest import mock

from tests import page_blocks

_PACKAGES = ("tests.zoo.models", "tfds_builders", "trainers.recipes", "zoo.models")


@contextlib.contextmanager
def scratch():
    """Works in an empty folder, which the packages of the project are looked for in too."""
    before = os.getcwd()
    packages = [importlib.import_module(name) for name in _PACKAGES]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        folder = Path(folder)
        os.chdir(folder)
        for package in packages:
            part = str(folder.joinpath(*package.__name__.split(".")))
            stack.enter_context(mock.patch.object(package, "__path__", [*package.__path__, part]))
        try:
            yield folder
        finally:
            os.chdir(before)
            for name, module in list(sys.modules.items()):
                if (getattr(module, "__file__", None) or "").startswith(str(folder)):
                    del sys.modules[name]


def run(page):
    """Runs the blocks of Python of a page, in the working folder."""
    namespace = {"__name__": "page"}
    for block in page_blocks.blocks(page.read_text()):
        is_code = re.match(r"(import|from) \w", block.text) and not block.language
        if block.language != "python" and not is_code:
            continue
        # Lines in a traceback are those of the page.
        code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
        file = re.match(r"# ([\w/]+\.py)\n", block.text)
        if file:
            Path(file[1]).parent.mkdir(parents=True, exist_ok=True)
            Path(file[1]).write_text(block.text)
            importlib.invalidate_caches()
        elif not block.not_run:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, namespace)
