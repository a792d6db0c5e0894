"""A process that knows TensorFlow but not this project, and runs SavedModels."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

__all__ = ["run_saved_model"]

_SCRIPT = """
import json, sys
import numpy as np
import tensorflow as tf

def run(job):
    inputs = {key: dict(np.load(file)) for key, file in job["inputs"].items()}
    results = {}
    loaded = tf.saved_model.load(job["saved_model"])
    for key, values in inputs.items():
        values = {name: tf.constant(value) for name, value in values.items()}
        for name, value in loaded.signatures[key](**values).items():
            results[f"eager/{key}/{name}"] = value.numpy()
    # As TensorFlow Serving runs it: a session, with tensors found by the signature's names.
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], job["saved_model"])
        for key, values in inputs.items():
            signature = meta.signature_def[key]
            feed = {signature.inputs[name].name: value for name, value in values.items()}
            fetch = {name: tensor.name for name, tensor in signature.outputs.items()}
            empty = {name: value[:0] for name, value in feed.items()}
            for run, fed in (("session", feed), ("empty", empty)):
                for name, value in session.run(fetch, fed).items():
                    results[f"{run}/{key}/{name}"] = value
        assets = meta.asset_file_def
        names = [asset.filename for asset in assets]
    np.savez(job["results"], **results)
    foreign = sorted({"zoo", "trainers", "tfds_builders"} & set(sys.modules))
    return {"assets": names, "foreign": foreign, "signatures": sorted(loaded.signatures)}

for line in sys.stdin:
    try:
        answer = run(json.loads(line))
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print("answer " + json.dumps(answer), flush=True)
"""


def run_saved_model(
    saved_model: Path, inputs: dict[str, dict[str, np.ndarray]]
) -> tuple[dict[str, np.ndarray], dict]:
    """Runs signatures of a SavedModel in the fresh process, eagerly and in a session.

    One process serves a whole test session, because TensorFlow takes seconds to start.

    Args:
        saved_model: Folder of the SavedModel.
        inputs: Inputs by name, for each signature to run.

    Returns:
        Outputs under "eager/<signature>/<name>" and "session/<signature>/<name>", those of an empty
        batch under "empty/<signature>/<name>"; and a summary: `assets`, `signatures`, and
        `foreign`, the packages of this project that were needed.
    """
    with tempfile.TemporaryDirectory() as folder:
        job = {"saved_model": str(saved_model), "results": f"{folder}/results.npz", "inputs": {}}
        for key, values in inputs.items():
            job["inputs"][key] = f"{folder}/{key}.npz"
            np.savez(job["inputs"][key], **values)
        process = _process()
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.startswith("answer "):
                summary = json.loads(line.removeprefix("answer "))
                break
        else:
            raise RuntimeError(f"the fresh process ended with status {process.wait()}")
        if "error" in summary:
            raise RuntimeError(f"in the fresh process: {summary['error']}")
        with np.load(job["results"]) as results:
            return dict(results), summary


@functools.cache
def _process() -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", _SCRIPT],  # -I: neither the project's folder nor PYTHONPATH
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tempfile.gettempdir(),
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    )
    atexit.register(process.kill)
    return process
