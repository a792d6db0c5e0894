"""Clusters of workers on several machines, and the rendezvous at their start."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from typing import Any

import tensorflow as tf

from trainers.errors import LostWorkerError, TrainingError, UserError

__all__ = ["is_chief", "meet", "resolver", "workers"]

_JOBS = ("chief", "worker")
# Ports of SLURM steps, below the ephemeral ports, with a few for each step.
_FIRST_PORT, _PORTS, _PORTS_PER_STEP = 10_000, 20_000, 16
# Time between attempts to reach the chief, and until a message about missing workers, s.
_RETRY_SECONDS = 0.2
_MESSAGE_SECONDS = 5.0
# Replies of the chief, besides errors.
_START, _LATE = "start", "late: "


def workers() -> int:
    """Returns the number of workers in `TF_CONFIG` or the SLURM step, 0 without either.

    Raises:
        UserError: if `TF_CONFIG` describes no cluster.
    """
    if "TF_CONFIG" in os.environ:
        return sum(_tf_config()[0].values())
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 0))


def resolver() -> tf.distribute.cluster_resolver.ClusterResolver:
    """Returns the cluster of `TF_CONFIG` or of the SLURM step, and this process's place in it.

    Raises:
        UserError: if neither describes one, or this process is not in it.
    """
    if "TF_CONFIG" in os.environ:
        numbers, task = _tf_config()
        kind, index = task.get("type"), task.get("index")
        if kind not in numbers or not isinstance(index, int) or not 0 <= index < numbers[kind]:
            raise UserError(
                f"the task of TF_CONFIG must be one of its cluster, which has "
                f"{' and '.join(f'{number} {job}' for job, number in numbers.items())}; got {task}"
            )
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if "SLURM_STEP_NUM_TASKS" in os.environ:
        return _SlurmStep()
    raise UserError(
        "`strategy=multiworker` needs the cluster in the environment variable TF_CONFIG, or to "
        "be started with srun under SLURM"
    )


def is_chief(cluster: tf.distribute.cluster_resolver.ClusterResolver) -> bool:
    """Returns whether this process is the chief, or worker 0 of a cluster without one."""
    return (cluster.task_type, cluster.task_id) == _chief(cluster)


def meet(cluster: tf.distribute.cluster_resolver.ClusterResolver, seconds: float) -> None:
    """Waits until every worker has connected to the chief, at the port of its later server.

    TensorFlow itself waits up to an hour, without a message about the missing workers, and blocks
    signals meanwhile.

    Args:
        cluster: The cluster and this process's place in it.
        seconds: Time limit, s.

    Raises:
        LostWorkerError: if a worker is missing.
        TrainingError: if the port of this worker is in use.
        UserError: if the workers do not agree on the cluster.
    """
    spec = cluster.cluster_spec()
    jobs = [job for job in spec.jobs if job in _JOBS]
    names = [f"{job} {task}" for job in jobs for task in spec.task_indices(job)]
    own = f"{cluster.task_type} {cluster.task_id}"
    address = spec.task_address(cluster.task_type, cluster.task_id)
    end = time.monotonic() + seconds
    try:
        server = _listening(_host_and_port(address)[1])
    except OSError as error:
        raise TrainingError(f"{own} cannot listen at {address}: {error.strerror}") from None
    with server:
        if is_chief(cluster):
            _wait_for_all(server, own, names, end)
            return
    _connect(spec.task_address(*_chief(cluster)), own, len(names), end)


def _listening(port: int) -> socket.socket:
    """Returns a socket for both versions of IP, where the machine has both."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    return socket.create_server(("", port), family=family, dualstack_ipv6=both)


def _wait_for_all(server: socket.socket, own: str, names: list[str], end: float) -> None:
    came: dict[str, socket.socket] = {}
    begun, announced = time.monotonic(), False
    try:
        while missing := [name for name in names if name != own and name not in came]:
            now = time.monotonic()
            if now > end:
                late = (
                    f"{', '.join(missing)} of {len(names)} workers did not come within "
                    f"{end - begun:.0f} s; start all of them"
                )
                for connection in came.values():
                    connection.sendall(f"{_LATE}{late}\n".encode())
                raise LostWorkerError(late)
            if now - begun > _MESSAGE_SECONDS and not announced:
                print(f"{own} of {len(names)} waits for {', '.join(missing)}", flush=True)
                announced = True
            ready, _, _ = select.select([server, *came.values()], [], [], _RETRY_SECONDS)
            # Workers send nothing more, so that a readable connection is closed.
            for name in [name for name, connection in came.items() if connection in ready]:
                came.pop(name).close()
            if server in ready:
                _receive(server.accept()[0], came, own, names)
        for connection in came.values():
            connection.sendall(f"{_START}\n".encode())
    finally:
        for connection in came.values():
            connection.close()


def _receive(
    connection: socket.socket, came: dict[str, socket.socket], own: str, names: list[str]
) -> None:
    connection.settimeout(1.0)
    try:
        name, number = connection.makefile().readline(100).strip().split(", ")
        if number != str(len(names)) or name not in names:
            answer = f"{name} has a cluster of {number} workers, {own} one of {len(names)}"
        elif name in came or name == own:
            answer = f"there are two of {name}"
        else:
            came[name] = connection
            return
        connection.sendall(f"{answer}\n".encode())
    except (OSError, ValueError):
        # No worker of this cluster.
        pass
    connection.close()


def _connect(chief: str, own: str, number: int, end: float) -> None:
    begun, announced, failure = time.monotonic(), False, "it closed the connection"
    while (now := time.monotonic()) < end:
        if now - begun > _MESSAGE_SECONDS and not announced:
            print(f"{own} of {number} waits for the chief at {chief}", flush=True)
            announced = True
        try:
            with socket.create_connection(_host_and_port(chief), timeout=end - now) as connection:
                connection.sendall(f"{own}, {number}\n".encode())
                answer = connection.makefile(errors="replace").readline().strip()
        except OSError as error:
            answer, failure = "", error.strerror or str(error)
        if answer == _START:
            return
        if answer.startswith(_LATE):
            raise LostWorkerError(answer.removeprefix(_LATE))
        # Empty if the chief has stopped; TensorFlow's server sends unprintable replies.
        if answer.isprintable() and answer:
            raise UserError(f"the workers do not agree on TF_CONFIG: {answer}")
        time.sleep(_RETRY_SECONDS)
    raise LostWorkerError(
        f"{own} did not reach the chief at {chief} within {end - begun:.0f} s: {failure}"
    )


class _SlurmStep(tf.distribute.cluster_resolver.SlurmClusterResolver):
    """The tasks of a SLURM step in the order of their ranks.

    TensorFlow's own class sorts the hosts by name, so that node10 comes before node9 and ranks are
    permuted; it fails without GPUs; and it uses one port for all jobs.
    """

    def __init__(self):
        job, step = (int(os.environ.get(f"SLURM_{name}_ID", 0)) for name in ("JOB", "STEP"))
        port = _FIRST_PORT + (job + step) * _PORTS_PER_STEP % _PORTS
        try:
            # SLURM assigns GPUs to tasks.
            super().__init__(port_base=port, gpus_per_node=0, gpus_per_task=0, auto_set_gpu=False)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"the SLURM step cannot be read: {error}") from None
        node = os.environ.get("SLURMD_NODENAME", "")
        self.cluster_spec()
        place = self._hosts()[self._rank]
        if node not in ("", place):
            raise UserError(
                f"the tasks of a SLURM step must be in blocks (srun --distribution=block): task "
                f"{self._rank} is on {node}, not on {place}"
            )

    def cluster_spec(self) -> tf.train.ClusterSpec:
        """Returns the addresses in the order of the ranks."""
        self.task_type, self.task_id = "worker", self._rank
        hosts = self._hosts()
        ports = [self._port_base + hosts[:rank].count(host) for rank, host in enumerate(hosts)]
        addresses = [f"{host}:{port}" for host, port in zip(hosts, ports, strict=True)]
        return tf.train.ClusterSpec({"worker": addresses})

    def num_accelerators(self, *unused: Any, **unused_too: Any) -> dict[str, int]:
        """Returns the number of GPUs that this task sees."""
        return {"GPU": len(tf.config.list_logical_devices("GPU"))}

    def _hosts(self) -> list[str]:
        return [host for host, tasks in self._task_configuration.items() for _ in range(tasks)]


def _chief(cluster: tf.distribute.cluster_resolver.ClusterResolver) -> tuple[str, int]:
    return ("chief" if "chief" in cluster.cluster_spec().jobs else "worker", 0)


def _tf_config() -> tuple[dict[str, int], dict[str, Any]]:
    """Returns the number of workers by job, and the task."""
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        cluster, task = config.get("cluster", {}), config.get("task", {})
        numbers = {job: len(cluster[job]) for job in _JOBS if cluster.get(job)}
        return numbers, dict(task)
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f'the environment variable TF_CONFIG must be {{"cluster": {{"worker": [addresses]}}, '
            f'"task": {{"type": "worker", "index": 0}}}} in JSON: {error}'
        ) from None


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise UserError(f"addresses of workers must be host:port; got '{address}'")
    return host.strip("[]"), int(port)
