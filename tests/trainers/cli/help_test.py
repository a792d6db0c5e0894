"""`--help` of every command."""

import argparse
import contextlib
import importlib
import subprocess
import sys
from pathlib import Path
from unittest import mock

import tensorflow as tf

from trainers.reproduce.__main__ import PUBLICATIONS

ROOT = Path(__file__).parents[3]
_HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "sklearn", "galsim", "apache_beam")
_HELP = f"""
import contextlib, io, runpy, sys
for command in sys.argv[1:]:
    sys.argv = [command, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        runpy.run_module(command, run_name="__main__", alter_sys=True)
    assert text.getvalue(), command
    assert not (loaded := set(sys.modules) & set({_HEAVY})), (command, loaded)
"""


def _commands():
    """Returns the modules of the commands."""
    files = (ROOT / "trainers").glob("**/*.py")
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if "sys.exit(main(" in file.read_text()
    ]
    return sorted(names)


def _parser(module, *arguments):
    """Returns the parser that shows the help of a command."""
    shown = []
    with (
        mock.patch.object(
            argparse.ArgumentParser, "print_help", lambda parser, file=None: shown.append(parser)
        ),
        contextlib.suppress(SystemExit),
    ):
        importlib.import_module(module).main([*arguments, "--help"])
    (parser,) = shown
    return parser


def _parsers():
    for module in _commands():
        if module == "trainers.reproduce.__main__":
            for publication in PUBLICATIONS:
                yield f"reproduce {publication}", _parser(module, publication)
        else:
            yield module, _parser(module)


class HelpTest(tf.test.TestCase):
    def test_no_command_loads_what_takes_seconds_to_show_its_options(self):
        names = [name.removesuffix(".__main__") for name in _commands()]
        self.assertIn("trainers.evaluate", names)
        done = subprocess.run(
            [sys.executable, "-c", _HELP, *names],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_option_of_every_command_has_a_help_text(self):
        options = {}
        for command, parser in _parsers():
            for action in parser._actions:
                name = " ".join([command, *action.option_strings])
                options[name] = action.help or ""
        self.assertIn("trainers.run --schedule", options)
        self.assertIn("trainers.domain_adaptation --evaluators", options)
        self.assertIn("reproduce blendhunter --sigmas", options)
        without = [name for name, text in options.items() if len(text.split()) < 2]
        self.assertEqual(without, [])

    def test_lines_of_the_descriptions_are_those_of_the_source(self):
        for command, parser in _parsers():
            with self.subTest(command):
                for line in parser.description.splitlines():
                    self.assertLessEqual(len(line), 100)


if __name__ == "__main__":
    tf.test.main()
