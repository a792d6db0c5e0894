"""Several processes as one run: two and three of them, killed and started again, under SLURM."""

import concurrent.futures
import contextlib
import csv
import ctypes
import io
import json
import os
import pathlib
import signal
import socket
import tempfile
import time
from unittest import mock

import numpy as np
import tensorflow as tf

from tests.trainers import domain_adaptation_test, tiny, tiny_two_stage, workers
from trainers import domain_adaptation
from trainers.datasets import loading
from trainers.distribution import cluster, strategy
from trainers.errors import LostWorkerError, TrainingError, UserError
from trainers.evaluators import evaluation
from trainers.runs import pipeline
from trainers.training import steps


def adapt(arguments):
    """`trainers.domain_adaptation` of the tiny model to the tiny second survey."""
    with tiny.registered(), mock.patch.object(loading, "load", domain_adaptation_test.load):
        return domain_adaptation.main(arguments)


def train(arguments):
    """`trainers.run` of the tiny model without what comes after the training, to be compared."""
    with (
        mock.patch.object(evaluation, "evaluate", lambda *unused, **unused_too: {}),
        mock.patch.object(pipeline, "export_run", lambda *unused: None),
    ):
        return tiny.command(arguments)


def two_stages_slowly(arguments):
    """`tiny_two_stage` with time between the steps on features."""

    def slowly(step):
        def later(*arguments):
            time.sleep(0.3)
            return step(*arguments)

        return later

    original = steps.ReplicatedStep.__call__
    with mock.patch.object(steps.ReplicatedStep, "__call__", slowly(original)):
        return tiny_two_stage.command(arguments)


def evaluate_long(arguments):
    """`adapt` whose evaluation waits to be killed."""

    def wait(*unused, **unused_too):
        pathlib.Path(os.environ["EVALUATES"]).touch()
        time.sleep(600)

    with mock.patch.object(evaluation, "evaluate", wait):
        return adapt(arguments)


def connect_for_ever(arguments):
    """Makes a strategy whose connecting neither ends nor lets go of Python's lock."""
    with (
        mock.patch.object(cluster, "resolver"),
        mock.patch.object(cluster, "meet"),
        mock.patch.object(strategy, "_CONNECTING_SECONDS", 0.2),
        mock.patch.object(
            tf.distribute,
            "MultiWorkerMirroredStrategy",
            lambda **unused: ctypes.PyDLL(None).sleep(60),
        ),
    ):
        strategy.make("multiworker")


class _Case(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.started = []
        self.addCleanup(lambda: [worker.stop() for worker in self.started])

    def options(self, run, *options):
        return [
            *("--run_dir", self.folder / run, "--saved_models_dir", self.folder / "saved"),
            *("--epochs", "2", "--batch_size", "24", "--evaluators", "history", *options),
        ]

    def start(self, command, arguments, environments, own=None, **environment):
        """Starts the workers of a cluster; `own` has options for each of them."""
        started = []
        for index, variables in enumerate(environments):
            further = own[index] if own else ()
            output = self.folder / f"output_{len(self.started)}"
            worker = workers.Worker(
                command, [*arguments, *further], output, {**variables, **environment}
            )
            self.started.append(worker)
            started.append(worker)
        return started

    def finish(self, started, *statuses):
        """Returns what the workers have written, after they have ended with these statuses."""
        ended = [worker.end() for worker in started]
        shown = [output for _, output in ended]
        self.assertEqual([status for status, _ in ended], list(statuses), msg="\n".join(shown))
        return shown

    def alone(self, command, arguments):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(command(list(map(str, arguments))), 0)

    def kill(self, victim, started, condition):
        """Kills one worker when a condition holds."""
        workers.wait(condition, started)
        os.kill(started[victim].process.pid, signal.SIGKILL)
        self.killed = time.monotonic()

    def assert_ended(self, victim, started):
        """The others end soon after one was killed, with one line and status 75."""
        statuses = [-signal.SIGKILL if index == victim else 75 for index in range(len(started))]
        shown = self.finish(started, *statuses)
        # The runtime misses heartbeats for 10 s; the rest is for a busy machine.
        self.assertLess(time.monotonic() - self.killed, 60)
        for index, output in enumerate(shown):
            if index != victim:
                last = output.splitlines()[-1]
                self.assertRegex(last, r"^trainers\.\w+: error: another worker has stopped or can")
                self.assertNotIn("Traceback", output)
        return shown

    def state(self, run, names):
        """Returns all numbers of the last checkpoint, and columns of the history."""
        with np.load(self.folder / run / "checkpoints" / "last.npz") as file:
            held = {name: file[name] for name in file.files if name != "progress"}
        with open(self.folder / run / "history.csv", newline="") as file:
            rows = [[float(row[name]) for name in names] for row in csv.DictReader(file)]
        return held | {"history": np.array(rows)}

    def assert_same(self, run, other, rtol=0.0, names=("loss", "validation_loss")):
        one, two = self.state(run, names), self.state(other, names)
        self.assertEqual(one.keys(), two.keys())
        for name, value in one.items():
            if rtol:
                self.assertAllClose(value, two[name], rtol=rtol, atol=1e-6, msg=name)
            else:
                self.assertAllEqual(value, two[name], msg=name)

    def mid_epoch(self, run, epoch=1):
        checkpoint = self.folder / run / "checkpoints" / "last.npz"
        return lambda: workers.progress(checkpoint) >= (epoch, 1)


class ManyWorkersTest(_Case):
    def test_three_of_which_one_is_killed(self):
        self.alone(train, self.options("one"))
        three = workers.environments(workers.addresses(3))
        # Only the chief writes: where the others would, there is nothing afterwards.
        nowhere = [(), *[("--run_dir", self.folder / "no")] * 2]
        self.finish(self.start(train, self.options("three"), three, nowhere), 0, 0, 0)
        self.assertFalse((self.folder / "no").exists())
        # Batches that three can share leave other images of the validation split out.
        self.assert_same("one", "three", rtol=1e-5, names=["loss"])

        options = self.options("killed", "--checkpoint_seconds", "0")
        started = self.start(train, options, three, TINY_PAUSE="0.3")
        self.kill(2, started, self.mid_epoch("killed"))
        # What is started again at once meets the others while they have not noticed yet.
        again = self.start(tiny.command, options, three[2:])
        self.assert_ended(2, started)
        again += self.start(tiny.command, options, three[:2])
        shown = self.finish(again, 0, 0, 0)
        self.assertNotIn("epoch 1/2", shown[1])
        self.assert_same("three", "killed")
        self.assertIn("SavedModel", shown[1])
        versions = [path.name for path in (self.folder / "saved" / "tiny").iterdir()]
        self.assertEqual(versions, ["1"])

    def test_two_stages_whose_chief_is_killed_and_that_go_on_under_slurm(self):
        features = ("--features_dir", self.folder / "of_one")
        self.alone(tiny_two_stage.command, self.options("one", *features))
        features = ("--features_dir", self.folder / "of_two", "--checkpoint_seconds", "0")
        options = self.options("two", *features)
        two = workers.environments(workers.addresses(2))
        started = self.start(two_stages_slowly, options, two)
        self.kill(0, started, self.mid_epoch("two"))
        shown = self.assert_ended(0, started)
        # The chief alone computed the features, once, and they are those of one process.
        self.assertIn("features of train", shown[0])
        self.assertNotIn("features of", shown[1])
        of_one, of_two = (
            {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.npy")}
            for folder in (self.folder / "of_one", self.folder / "of_two")
        )
        self.assertLen(of_one, 2)
        self.assertEqual(of_one, of_two)
        shown = self.finish(self.start(tiny_two_stage.command, options, _step(2)), 0, 0)
        self.assertIn("computed before", shown[0])
        self.assertNotIn("epoch 1/2", shown[0])
        self.assert_same("one", "two", rtol=1e-5)

    def test_connecting_without_an_end_dies_of_a_signal(self):
        started = self.start(connect_for_ever, [], [{}])
        (shown,) = self.finish(started, -signal.SIGALRM)
        self.assertIn("in _multi_worker", shown)

    def test_adaptation_whose_chief_is_killed_in_its_evaluation(self):
        self.alone(train, self.options("source", "--epochs", "1"))

        def options(run):
            return [
                *("--run_dir", self.folder / "source", "--target", domain_adaptation_test.TARGET),
                *("--output_dir", self.folder / run, "--batch_size", "16", "--epochs", "2"),
                *("--evaluators", "history"),
            ]

        self.alone(adapt, options("one"))
        two = workers.environments(workers.addresses(2))
        evaluates = self.folder / "evaluates"
        started = self.start(evaluate_long, options("two"), two, EVALUATES=str(evaluates))
        self.kill(0, started, evaluates.exists)
        self.assert_ended(0, started)
        self.finish(self.start(adapt, options("two"), two), 0, 0)
        self.assert_same("one", "two", rtol=1e-5)
        metrics = [
            json.loads((self.folder / run / "metrics.json").read_text())["training"]
            for run in ("one", "two")
        ]
        self.assertAllClose(*(each["best_validation_loss"] for each in metrics), rtol=1e-5)


class ClusterTest(tf.test.TestCase):
    def meet(self, resolvers, seconds=60):
        """Returns what became of each worker's meeting: None, or its error."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            meetings = [pool.submit(cluster.meet, resolver, seconds) for resolver in resolvers]
            return [meeting.exception() for meeting in meetings]

    def resolvers(self, addresses):
        spec = tf.train.ClusterSpec({"worker": addresses})
        return [
            tf.distribute.cluster_resolver.SimpleClusterResolver(spec, "", "worker", index)
            for index in range(len(addresses))
        ]

    def test_all_come(self):
        addresses = workers.addresses(3)
        chief, *others = self.resolvers(addresses)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(cluster.meet, chief, 60)
            # Two that are not of the cluster, and one that comes and is killed.
            for said in (b"GET / HTTP/1.1\r\n\r\n", b"", b"worker 1, 3\n"):
                self.say(addresses[0], said)
            self.assertFalse(waiting.done())
            self.assertEqual(self.meet(others), [None, None])
            waiting.result()

    def test_addresses_of_both_versions_of_ip(self):
        for host in ["localhost", "127.0.0.1"] + ["[::1]"] * socket.has_dualstack_ipv6():
            ports = [address.rpartition(":")[2] for address in workers.addresses(2)]
            with self.subTest(host):
                resolved = self.meet(self.resolvers([f"{host}:{port}" for port in ports]), 20)
                self.assertEqual(resolved, [None, None])

    def say(self, address, words):
        host, port = address.split(":")
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                with socket.create_connection((host, int(port))) as connection:
                    connection.sendall(words)
                return
            self.assertLess(time.monotonic(), end)

    def test_not_all_come(self):
        resolvers = self.resolvers(workers.addresses(3))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            other = pool.submit(cluster.meet, resolvers[1], 60)
            (chief,) = self.meet(resolvers[:1], 1)
            for error in (chief, other.exception()):
                self.assertIsInstance(error, LostWorkerError)
                self.assertEqual(
                    str(error), "worker 2 of 3 workers did not come within 1 s; start all of them"
                )
        (alone,) = self.meet(resolvers[1:2], 0.5)
        self.assertIsInstance(alone, LostWorkerError)
        self.assertRegex(str(alone), "^worker 1 did not reach the chief at localhost:.* within 0 s")

    def test_not_of_one_cluster(self):
        addresses = workers.addresses(3)
        three = self.resolvers(addresses)
        chief, two = self.meet([three[0], self.resolvers(addresses[:2])[1]], 1)
        self.assertIsInstance(chief, LostWorkerError)
        self.assertIsInstance(two, UserError)
        self.assertIn("worker 1 has a cluster of 2 workers, worker 0 one of 3", str(two))
        with workers.listen(addresses[1]):
            (taken,) = self.meet(three[1:2])
        # Nobody is late: the same command would find the port taken again.
        self.assertNotIsInstance(taken, LostWorkerError)
        self.assertIsInstance(taken, TrainingError)
        self.assertRegex(str(taken), "worker 1 cannot listen at localhost:[0-9]+: Address already")

    def test_mistakes_in_tf_config(self):
        members = {"worker": ["a:1", "b:2"]}
        for variables, message in (
            ("{", "TF_CONFIG must be"),
            ("[]", "TF_CONFIG must be"),
            (json.dumps({"cluster": members}), "which has 2 worker; got {}"),
            (
                json.dumps({"cluster": members, "task": {"type": "worker", "index": 2}}),
                "which has 2 worker; got {'type': 'worker', 'index': 2}",
            ),
        ):
            with (
                self.subTest(variables),
                mock.patch.dict(os.environ, {"TF_CONFIG": variables}),
                self.assertRaises(UserError) as raised,
            ):
                cluster.resolver()
            self.assertIn(message, str(raised.exception))
            self.assertNotIn("\n", str(raised.exception))

    def test_slurm_steps(self):
        for nodes, tasks, hosts in (
            ("n[9-11]", "1(x3)", ["n9", "n10", "n11"]),
            ("gpu[01-02],big", "2(x2),1", ["gpu01", "gpu01", "gpu02", "gpu02", "big"]),
        ):
            for rank, host in enumerate(hosts):
                step = {**_task(rank, len(hosts), nodes, tasks), "SLURMD_NODENAME": host}
                with mock.patch.dict(os.environ, step):
                    resolved = cluster.resolver()
                    self.assertEqual(cluster.workers(), len(hosts))
                self.assertEqual((resolved.task_type, resolved.task_id), ("worker", rank))
                addresses = resolved.cluster_spec().as_dict()["worker"]
                self.assertEqual([address.split(":")[0] for address in addresses], hosts)
                self.assertLen(set(addresses), len(hosts))
                self.assertEqual(cluster.is_chief(resolved), rank == 0)
        cyclic = {**_task(1, 4, "n[1-2]", "2(x2)"), "SLURMD_NODENAME": "n2"}
        with mock.patch.dict(os.environ, cyclic), self.assertRaises(UserError) as raised:
            cluster.resolver()
        self.assertIn("task 1 is on n2, not on n1", str(raised.exception))


def _step(number):
    """Returns the environment of each task of a step of SLURM on this machine."""
    for job in range(1000):
        step = {"SLURM_JOB_ID": str(job), "SLURM_STEP_ID": "0"}
        with mock.patch.dict(os.environ, {**step, **_task(0, number)}):
            resolved = cluster.resolver().cluster_spec().as_dict()["worker"]
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for address in resolved:
                stack.enter_context(workers.listen(address))
            return [{**step, **_task(index, number)} for index in range(number)]
    raise AssertionError("no port is free")


def _task(index, number, nodes="localhost", tasks=None):
    return {
        "SLURM_PROCID": str(index),
        "SLURM_STEP_NUM_TASKS": str(number),
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_TASKS_PER_NODE": tasks or str(number),
    }


if __name__ == "__main__":
    tf.test.main()
