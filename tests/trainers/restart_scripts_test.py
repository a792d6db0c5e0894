"""The scripts of docs/many_machines.md start again what was lost, not what fails for good."""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import tensorflow as tf

from tests import page_blocks

PAGE = Path(__file__).parents[2] / "docs" / "many_machines.md"

# Says that it was called; ends as $STATUS_0 or $STATUS_1 says, a signal as a negative number.
_PYTHON = """#!/bin/bash
echo python >> calls
status="STATUS_${SLURM_PROCID:-0}"
if [ "${!status}" -lt 0 ]; then kill "${!status}" $$; fi
exit "${!status}"
"""
# As srun does it: all tasks, and then the highest of their statuses.
_SRUN = """#!/bin/bash
echo srun >> calls
while [[ $1 == --* ]]; do shift; done
SLURM_PROCID=0 "$@" & first=$!
SLURM_PROCID=1 "$@" & second=$!
wait $first; one=$?
wait $second; other=$?
exit $((one > other ? one : other))
"""
_SCONTROL = """#!/bin/bash
echo "$@" >> calls
"""
# Ends, like a worker, some time after SIGTERM.
_SLOW = """#!/bin/bash
trap 'sleep 0.3; echo kept > state; exit 143' TERM
touch begun
while true; do sleep 0.05; done
"""


class RestartScriptsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        for name, text in (
            ("python", _PYTHON),
            ("srun", _SRUN),
            ("scontrol", _SCONTROL),
            ("sleep", "#!/bin/bash\n"),
        ):
            self.write(name, text)
        blocks = [block.text for block in page_blocks.blocks(PAGE.read_text())]
        self.by_hand = next(text for text in blocks if "export TF_CONFIG" in text)
        self.slurm = next(text for text in blocks if "#SBATCH" in text)

    def write(self, name, text):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def environment(self, **variables):
        path = f"{self.folder}:{os.environ['PATH']}"
        return {
            "PATH": path,
            "SLURM_JOB_ID": "7",
            **{key: str(value) for key, value in variables.items()},
        }

    def called(self, script, **environment):
        """Returns the status of a script and what it called."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode, calls.read_text().splitlines()

    def test_by_hand(self):
        for status, times in ((0, 1), (1, 1), (2, 1), (130, 1), (143, 1), (75, 20), (-9, 20)):
            with self.subTest(status):
                _, calls = self.called(self.by_hand, STATUS_0=status)
                self.assertLen(calls, times)

    def test_slurm(self):
        for one, other, times, requeued, ended in (
            (0, 0, 1, False, 0),
            (1, 1, 1, False, 201),
            (2, 2, 1, False, 202),
            # One fails for good; the other knows only that it is gone.
            (1, 75, 1, False, 201),
            (75, 1, 1, False, 201),
            (2, 75, 1, False, 202),
            (75, 75, 3, True, 0),
            (-9, 75, 3, True, 0),
            (143, 143, 1, True, 0),
            (130, 130, 1, False, 130),
        ):
            with self.subTest((one, other)):
                status, calls = self.called(self.slurm, STATUS_0=one, STATUS_1=other)
                self.assertEqual(calls.count("srun"), times)
                self.assertEqual(calls.count("python"), 2 * times)
                self.assertEqual("requeue 7" in calls, requeued)
                self.assertEqual(status, ended)

    def test_a_job_is_not_requeued_for_ever(self):
        _, calls = self.called(self.slurm, STATUS_0=75, STATUS_1=75, SLURM_RESTART_COUNT=50)
        self.assertNotIn("requeue 7", calls)

    def test_bash_waits_until_the_state_is_kept(self):
        # Slurm signals all processes of a step, bash too.
        self.write("python", _SLOW)
        (self.folder / "sleep").unlink()
        line = next(line for line in self.slurm.splitlines() if line.startswith("worker="))
        worker = subprocess.Popen(
            ["bash", "-c", f'{line}\nexec bash -c "$worker" worker python'],
            cwd=self.folder,
            env=self.environment(),
            start_new_session=True,
        )
        while not (self.folder / "begun").exists():
            self.assertIsNone(worker.poll())
            time.sleep(0.01)
        os.killpg(worker.pid, signal.SIGTERM)
        self.assertEqual(worker.wait(60), 143)
        self.assertEqual((self.folder / "state").read_text(), "kept\n")


if __name__ == "__main__":
    tf.test.main()
