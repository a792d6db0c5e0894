"""Devices for all tests."""


def pytest_configure():
    import tensorflow as tf

    # Two logical devices let a mirrored strategy run on any machine. They cannot be made later:
    # the first operation that runs settles the devices of the process.
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
