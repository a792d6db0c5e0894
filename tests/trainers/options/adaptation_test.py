import dataclasses
import typing

import tensorflow as tf

from trainers.options.adaptation import (
    FIXED,
    OF_THE_SOURCE,
    WEIGHTS,
    AdaptationConfig,
    AdaptationOptions,
    configuration,
)
from trainers.options.run import RunConfig
from zoo import adaptation


def _names(options_class):
    return {field.name for field in dataclasses.fields(options_class)}


class ConfigurationTest(tf.test.TestCase):
    def test_methods_and_variants_are_those_of_the_zoo(self):
        hints = typing.get_type_hints(AdaptationOptions)
        self.assertCountEqual(typing.get_args(hints["method"]), adaptation.METHODS)
        self.assertCountEqual(typing.get_args(hints["variant"]), adaptation.VARIANTS)
        self.assertCountEqual(WEIGHTS, adaptation.METHODS)

    def test_it_is_decided_for_each_option_of_a_run(self):
        # A new option of `RunConfig` belongs to one of these.
        of_the_command = {"classes", "dataset", "run_dir"}
        of_the_command |= _names(AdaptationOptions) - set(OF_THE_SOURCE) - set(FIXED)
        self.assertEmpty(set(OF_THE_SOURCE) & set(FIXED))
        self.assertEmpty(of_the_command & {*OF_THE_SOURCE, *FIXED})
        decided = {*OF_THE_SOURCE, *FIXED, *of_the_command}
        self.assertEqual(_names(RunConfig) - decided, set())
        self.assertEqual({*OF_THE_SOURCE, *FIXED} - _names(RunConfig), set())

    def test_settings_of_the_source_the_command_and_the_method(self):
        source = RunConfig(
            model="vae",
            dataset="sdss_star_galaxy/simulated",
            init="vae/sdss_simulated",
            pad=3,
            noise_sigma=[2.0],
            min_delta=0.5,
            weight_decay=0.1,
            mixed_precision="bfloat16",
            repeats=3,
            seed=7,
            classes=["star", "galaxy"],
            data_dir="data",
            max_examples=[9],
        )
        config = configuration(
            AdaptationOptions(run_dir="runs/a/", target="galaxy_zoo_decals/simulated_bass"), source
        )
        self.assertIsInstance(config, AdaptationConfig)
        same = ("model", "hp", "pad", "noise_sigma", "min_delta", "data_dir", "max_examples")
        for name in same:
            self.assertEqual(getattr(config, name), getattr(source, name), name)
        other = {"init": "", "weight_decay": 0.0, "mixed_precision": "none", "repeats": 1}
        other |= {"seed": 0, "classes": None, "schedule": "cosine", "weight": 0.5}
        other |= {"run_dir": "runs/a-to-galaxy_zoo_decals_simulated_bass-mmd-shared"}
        for name, value in other.items():
            self.assertEqual(getattr(config, name), value, name)
        options = AdaptationOptions(
            run_dir="runs/a", target="sdss_star_galaxy/simulated", method="coral", patience=4
        )
        config = configuration(options, source)
        self.assertEqual((config.classes, config.weight), (["star", "galaxy"], 50.0))
        self.assertEqual(config.patience, 4)


if __name__ == "__main__":
    tf.test.main()
