"""Configurations that follow from constructors."""

import json

import keras
import numpy as np
import tensorflow as tf

from zoo.configuration import kept_arguments
from zoo.layer import Float32Layer


class _Scaled(Float32Layer):
    def __init__(self, factors, mode="plain", **kwargs):
        super().__init__(**kwargs)
        self.factors = factors
        self.mode = mode


class _Named(_Scaled):
    fixed_arguments = ("mode",)

    def __init__(self, limit=3, **kwargs):
        super().__init__(mode="named", **kwargs)
        self.limit = limit


class _Kept:
    def __init__(self):
        self.sizes = (1, (2, 3))
        self.shares = np.array([0.25, 0.5], np.float32)
        self.tree = {"leaves": (1, None)}
        self.network = keras.layers.Dense(2)
        self.decoder_name = "profile"
        self.decoder = self.network

    def features(self):
        """Is a method, and no argument that is kept."""


class ConfigurationTest(tf.test.TestCase):
    def test_arguments_become_json(self):
        config = kept_arguments(_Kept(), ("sizes", "shares", "tree"))
        expected = {"sizes": [1, [2, 3]], "shares": [0.25, 0.5], "tree": {"leaves": [1, None]}}
        self.assertEqual(config, expected)
        self.assertEqual(json.loads(json.dumps(config)), expected)

    def test_layers_methods_and_unknown_names_are_left_out(self):
        self.assertEmpty(kept_arguments(_Kept(), ("network", "features", "missing")))

    def test_an_argument_whose_name_is_taken(self):
        config = kept_arguments(_Kept(), ("decoder",), {"decoder": "decoder_name"})
        self.assertEqual(config, {"decoder": "profile"})

    def test_layer_has_inherited_arguments_but_not_fixed_ones(self):
        layer = _Named(factors=(1.0, 2.0), limit=5, dtype="float16")
        config = layer.get_config()
        self.assertEqual(config["factors"], [1.0, 2.0])
        self.assertEqual(config["limit"], 5)
        self.assertNotIn("mode", config)
        self.assertEqual(layer.compute_dtype, "float32")
        again = _Named.from_config(config)
        self.assertEqual(again.get_config(), config)
        self.assertEqual(again.mode, "named")
