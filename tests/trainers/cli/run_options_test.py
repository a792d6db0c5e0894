"""The command line, the recipes under it, and what it answers to mistakes."""

import contextlib
import dataclasses
import io
from unittest import mock

import tensorflow as tf

import zoo
from trainers import recipes, run
from trainers.cli.run_options import parse_run
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.options.values import parse_value


class CommandLineTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        recipe = recipes.Recipe(
            dataset="sky/simulated",
            epochs=7,
            batch_size=32,
            hyperparameters={"filters": (8, 16), "latent_dim": 4},
            datasets={
                "image_folder": {"epochs": 9, "hyperparameters": {"latent_dim": 5}},
                "sky/deep": {"epochs": 11},
                "sky": {"epochs": 13},
            },
        )
        self.enter_context(mock.patch.object(recipes, "get", lambda model, name: recipe))
        self.enter_context(mock.patch.object(zoo, "list_models", lambda: ["tiny"]))

    def test_command_overrides_recipe_overrides_defaults(self):
        config = parse_run(["--model", "tiny", "--batch_size", "8", "--hp", "latent_dim=6", "x=a"])
        self.assertEqual(config.dataset, "sky/simulated")
        self.assertEqual(config.batch_size, 8)
        self.assertEqual(config.epochs, 13)
        self.assertEqual(config.learning_rate, RunConfig.learning_rate)
        self.assertEqual(config.hp, {"filters": [8, 16], "latent_dim": 6, "x": "a"})

    def test_recipe_differs_by_dataset(self):
        epochs = {}
        for dataset in ("image_folder", "sky/deep", "sky/deep/a=1/2", "sky/wide", "other"):
            config = parse_run(["--model", "tiny", "--dataset", dataset])
            epochs[dataset] = config.epochs
        self.assertEqual(
            epochs,
            {"image_folder": 9, "sky/deep": 11, "sky/deep/a=1/2": 11, "sky/wide": 13, "other": 7},
        )
        config = parse_run(["--model", "tiny", "--dataset", "image_folder"])
        self.assertEqual(config.hp, {"filters": [8, 16], "latent_dim": 5})

    def test_flags_lists_and_repeated_options(self):
        line = "--model tiny --jit --evaluators roc probe --class_fractions .2 .8 --hp a=1 --hp b=2"
        config = parse_run(line.split())
        self.assertTrue(config.jit)
        self.assertEqual(config.evaluators, ["roc", "probe"])
        self.assertEqual(config.class_fractions, [0.2, 0.8])
        self.assertEqual(config.hp, {"filters": [8, 16], "latent_dim": 4, "a": 1, "b": 2})

    def test_values(self):
        for text, value in {
            "3": 3,
            "1e-3": 1e-3,
            "none": None,
            "True": True,
            "32,64": [32, 64],
            "((8, 8), (16,))": [[8, 8], [16]],
            "mmd": "mmd",
            "{'scale': (1, 2)}": {"scale": [1, 2]},
        }.items():
            self.assertEqual(parse_value(text), value)

    def test_list_needs_no_model(self):
        self.assertIsNone(parse_run(["--list"]))

    def test_mistakes(self):
        for line, message in {
            "": "--model is required",
            "--model tinny": "unknown model 'tinny'",
            "--model tiny --epoch 3": "unknown option '--epoch' (did you mean '--epochs'?)",
            "--model tiny --epochs x": "--epochs: invalid int value: 'x'",
            "--model tiny --epochs 0": "`epochs` must be at least 1; got 0",
            "--model tiny --batch_size 0": "`batch_size` must be at least 1; got 0",
            "--model tiny --learning_rate nan": "`learning_rate` must be above 0 and finite",
            "--model tiny --hp latent_dim": "`hp` takes NAME=VALUE; got 'latent_dim'",
            "--model tiny --schedule step": "--schedule: invalid choice: 'step'",
            "--model tiny --strategy tpu": "--strategy: invalid choice: 'tpu'",
            "--model tiny --class_fractions .2 .2": "`class_fractions` must sum to 1; got [0.2",
            "--model tiny --class_fractions nan .5": "`class_fractions` must be at least 0",
            "--model tiny --hp filters={32,64}": "`hp` filters: values are numbers",
            "--model tiny --hp filters=b'3'": "`hp` filters: values are numbers",
            "--model tiny --image_shape 0 8 1": "`image_shape` must be at least 1; got 0",
        }.items():
            with self.subTest(line), self.assertRaises(UserError) as raised:
                parse_run(line.split())
            self.assertIn(message, str(raised.exception))

    def test_mistake_is_one_line_and_status_2(self):
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            status = run.main(["--model", "tinny"])
        self.assertEqual(status, 2)
        self.assertStartsWith(shown.getvalue(), "trainers.run: error: unknown model 'tinny'")
        self.assertEqual(shown.getvalue().count("\n"), 1)


class RecipesTest(tf.test.TestCase):
    def test_each_model_has_recipes_that_fit_it(self):
        for model in zoo.list_models():
            for name in recipes.names(model):
                recipe = recipes.get(model, name)
                for dataset in ("", *recipe.datasets):
                    settings = recipe.settings(dataset)
                    RunConfig(model=model, **settings)
                    zoo.registry.check_hyperparameters(model, settings["hp"])

    def test_settings_are_the_options_on_which_a_result_depends(self):
        fields = {field.name for field in dataclasses.fields(recipes.Recipe)}
        options = {field.name for field in dataclasses.fields(RunConfig)}
        own = {"dataset", "hyperparameters", "datasets"}
        of_the_command = {"model", "recipe", "seed", "hp", "repeats", "strategy", "overwrite"}
        of_the_command |= {"run_dir", "data_dir", "manual_dir", "features_dir", "saved_models_dir"}
        of_the_command |= {"checkpoint_seconds", "images", "labels"}
        self.assertEqual(fields - own, options - of_the_command - {"dataset"})

    def test_unknown_recipe(self):
        with self.assertRaisesRegex(UserError, "no recipe 'best'; .* gz_decals, paper"):
            recipes.get("vae", "best")

    def test_model_without_file_has_an_empty_default(self):
        self.assertEqual(recipes.get("no_such_file"), recipes.Recipe())


if __name__ == "__main__":
    tf.test.main()
