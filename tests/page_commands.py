"""Commands in pages, and the parsers that read their options."""

import argparse
import contextlib
import importlib
import io
import json
import re
import subprocess
import tempfile
from unittest import mock

from tests import page_blocks
from trainers.cli.parser import OptionParser
from trainers.cli.run_options import parse_run
from trainers.errors import UserError
from trainers.runs import pipeline

OWN = ("benchmarks", "tfds_builders", "trainers")

_COMMAND = re.compile(r"^(\w+=\S* +)*(srun .*)?python -m [a-z]", re.MULTILINE)

# No program is found, and what was to be called is written down.
_RECORDING_SHELL = r"""
command_not_found_handle() { printf '%s\0' "$@" '' >&3; }
cd() { :; }
PATH=/nowhere
"""


class _ParsedError(Exception):
    """The options of a command were read; what it does need not begin."""


def of_page(page):
    """Returns the `python -m` commands of a page, each as a list of module and arguments."""
    scripts = []
    for block in page_blocks.blocks(page):
        if block.language in ("", "bash", "sh"):
            scripts += [part for part in block.text.split("\n\n") if _COMMAND.search(part)]
    # In prose a command may only be named.
    prose = re.findall(r"`(python -m [^`]+? --[^`]+)`", page)
    scripts += [" ".join(text.split()) for text in prose if "..." not in text]
    return _called("\n".join(scripts)) if scripts else []


def of_notebook(path):
    """Returns the same of a notebook, from the lines that begin with `!`."""
    cells = json.loads(path.read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    lines = code.replace("\\\n", " ").splitlines()
    return _called("\n".join(line[1:] for line in lines if line.startswith("!")))


def parse(command):
    """Lets the parser of a command read its arguments.

    `--model NAME` stands for any model, `...` for what was said before.

    Raises:
        UserError: if it refuses them.
    """
    name, *arguments = command
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{name}.__main__")
    for number, word in enumerate(arguments[1:], 1):
        if arguments[number - 1] == "--model" and word == "NAME":
            arguments[number] = "blendhunter"

    def then_stop(function):
        def stopping(*args, **kwargs):
            function(*args, **kwargs)
            raise _ParsedError

        return stopping

    try:
        if name == "trainers.run":
            config = parse_run(arguments)
            if config is not None:
                pipeline.check_model(config)
        elif hasattr(module, "_parse"):
            module._parse(arguments)
        elif hasattr(module, "main"):
            messages = io.StringIO()
            with contextlib.ExitStack() as stops, contextlib.redirect_stderr(messages):
                for owner, parser in (
                    (argparse.ArgumentParser, "parse_args"),
                    (OptionParser, "refuse"),
                    (module, "parse"),
                ):
                    if hasattr(owner, parser):
                        function = then_stop(getattr(owner, parser))
                        stops.enter_context(mock.patch.object(owner, parser, function))
                status = module.main(arguments)
            if status:
                raise UserError(messages.getvalue())
    except _ParsedError:
        pass
    except SystemExit as stopped:
        if stopped.code:
            raise UserError(f"{name}: exit status {stopped.code}") from None


def _called(script):
    """Returns what a shell would call, as it splits and expands the words."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as record:
        done = subprocess.run(
            ["bash", "-c", f"exec 3>&{record.fileno()}\n{_RECORDING_SHELL}{script}"],
            cwd=folder,
            pass_fds=[record.fileno()],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if "syntax error" in done.stderr or "unexpected EOF" in done.stderr:
            raise ValueError(f"{script}: {done.stderr}")
        record.seek(0)
        calls = record.read().decode().split("\0\0")
    commands = []
    for call in calls:
        words = call.split("\0")
        if "python" in words and words[words.index("python") + 1 :][:1] == ["-m"]:
            module, *arguments = words[words.index("python") + 2 :]
            if module.split(".")[0] in OWN:
                commands.append([module, *(word for word in arguments if word != "...")])
    return commands
