"""Processes of one cluster on this machine, for tests of what workers do together."""

import contextlib
import json
import multiprocessing
import os
import pathlib
import random
import socket
import sys
import threading
import time
from unittest import mock

import numpy as np

# What the processes import is imported once, in the server that they are forked from: a start
# of TensorFlow takes some 6 s of a core. It runs nothing there, so that there is nothing to lose.
_PRELOADED = [
    "tests.trainers.domain_adaptation_test",
    "tests.trainers.tiny_two_stage",
    "trainers.evaluate",
    "trainers.evaluators.registry",
]
# Below those that systems give to outgoing connections, which may come in between at any time.
_PORTS = range(10_000, 32_768)


class Worker:
    """A process that runs a command.

    Args:
        command: A function of a module; takes the command line, returns the exit status.
        arguments: The command line.
        output: File of what it writes.
        environment: What is added to the environment.
    """

    def __init__(self, command, arguments, output, environment):
        self.output = pathlib.Path(output)
        self.process = _server().Process(
            target=_run, args=(command, list(map(str, arguments)), str(output), environment)
        )
        self.process.start()

    @property
    def status(self):
        """The exit status, negative for a signal; None while it runs."""
        return self.process.exitcode

    def end(self, seconds=240):
        """Waits for the end; returns status and output."""
        self.process.join(seconds)
        status = self.status
        self.stop()
        return status, self.shown()

    def stop(self):
        """Kills the process if it runs."""
        if self.status is None:
            self.process.kill()
            self.process.join()

    def shown(self):
        """Output so far."""
        return self.output.read_text() if self.output.exists() else ""


def addresses(number):
    """Returns that many addresses that nobody listens at."""
    lines = []
    with contextlib.ExitStack() as stack:
        # Drawn from the system, so that processes that test at once do not draw the same.
        for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
            with contextlib.suppress(OSError):
                stack.enter_context(listen(f"localhost:{port}"))
                lines.append(f"localhost:{port}")
            if len(lines) == number:
                return lines
    raise AssertionError(f"no {number} free ports in {_PORTS}")


def listen(address):
    """Returns a socket that listens at host:port; OSError where another does."""
    return socket.create_server(("", int(address.rpartition(":")[2])))


def environments(cluster):
    """Returns the environment of each worker of a list of addresses."""
    tasks = [{"type": "worker", "index": index} for index in range(len(cluster))]
    return [
        {"TF_CONFIG": json.dumps({"cluster": {"worker": cluster}, "task": task})} for task in tasks
    ]


def standing_still(owner, method, reached):
    """Has a method never return from the call after which `reached(self)` holds.

    What is killed then is killed there, however busy the machine is.
    """
    original = getattr(owner, method)

    def call(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        while reached(self):
            time.sleep(1)
        return result

    return mock.patch.object(owner, method, call)


def wait(condition, workers, seconds=240):
    """Returns when a condition holds; fails if a worker ends before that, or it takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        ended = [worker for worker in workers if worker.status is not None]
        if ended or time.monotonic() > end:
            raise AssertionError("\n".join(worker.shown() for worker in workers))
        time.sleep(0.05)


def progress(checkpoint):
    """Returns epoch and batch of a checkpoint, (-1, 0) where there is none."""
    if not checkpoint.exists():
        return (-1, 0)
    with np.load(checkpoint) as file:
        saved = json.loads(file["progress"].tobytes())
    return saved["epoch"], saved["batch"]


def _server():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return context


def _end_with_the_tests():
    # Of the process that has asked the server for this one; the parent is the server.
    multiprocessing.parent_process().join()
    os._exit(1)


def _run(command, arguments, output, environment):
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    with open(output, "w") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
    os.environ.update(environment)
    sys.exit(command(arguments))
