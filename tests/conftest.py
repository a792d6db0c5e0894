"""Devices for all tests, and which tests there are."""

import importlib.util
import os

# Tests of what an extra installs, for those who ask for it; UMAP compiles for up to a minute.
collect_ignore = []
for module, file in (
    ("lsdb", "trainers/tables/hats_catalogue_test.py"),
    ("umap", "trainers/evaluators/umap_test.py"),
    ("statmorph", "trainers/structure/parameters_test.py"),
    ("usearch", "trainers/similarity/index_test.py"),
):
    if importlib.util.find_spec(module) is None:
        collect_ignore.append(file)


def pytest_configure():
    # Nothing of the user's, also in the processes that tests start.
    os.environ["GALAXY_CACHE_DIR"] = "none"
    from zoo.cpu import prefer_onednn

    # As the commands have it, so that a run here and one in a process of its own have equal bits.
    prefer_onednn()
    import tensorflow as tf

    # Two logical devices let a mirrored strategy run on any machine. They cannot be made later:
    # the first operation that runs settles the devices of the process.
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def pytest_collection_modifyitems(items):
    # A context manager of tf.test.TestCase that looks like a test and skips itself in each case.
    items[:] = [item for item in items if item.name != "test_session"]


def pytest_collection_finish():
    import zoo

    # A model that is first met while a test has the registry patched would be forgotten with it.
    for name in zoo.list_models():
        zoo.describe(name)
