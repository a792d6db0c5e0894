"""Processes of the tests end with the tests, in whatever way those end."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import tensorflow as tf

# Stands for the tests: starts a process that stands still, and is killed.
_TESTS = """
import os, signal
from pathlib import Path

from tests.trainers import workers


class Writer:
    def write(self):
        pass


def write(arguments):
    def reached(writer):
        Path("stands").touch()
        return True

    with workers.standing_still(Writer, "write", reached):
        Writer().write()


if __name__ == "__main__":
    import killed_tests

    workers._PRELOADED.clear()
    worker = workers.Worker(killed_tests.write, [], "output", {})
    workers.wait(Path("stands").exists, [worker])
    print(worker.process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


class WorkerTest(tf.test.TestCase):
    def test_what_stands_still_ends_with_tests_that_are_killed(self):
        folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        (folder / "killed_tests.py").write_text(_TESTS)
        root = str(Path(__file__).parents[3])
        tests = subprocess.Popen(
            [sys.executable, "killed_tests.py"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": root},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.addCleanup(self.end, tests.pid)
        with tests.stdout as output:
            process = int(output.readline())
        self.assertEqual(tests.wait(60), -signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            ended = os.pidfd_open(process)
            self.addCleanup(os.close, ended)
            self.assertEqual(select.select([ended], [], [], 60)[0], [ended])

    def end(self, session):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    tf.test.main()
