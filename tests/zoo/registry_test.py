import subprocess
import sys
from unittest import mock

import tensorflow as tf

import zoo
from tests.zoo import tiny_model
from zoo import registry
from zoo.image_model import ImageModel


class RegistryTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.dict(registry._entries))

    def test_a_name_is_taken_once(self):
        register = zoo.register("novel", task="representation", reference="here")
        register(type("Novel", (ImageModel,), {"__doc__": "One."}))
        again = zoo.register("novel", task="representation", reference="there")
        with self.assertRaisesRegex(ValueError, r"'novel' is already registered by .*\.Novel"):
            again(type("Other", (ImageModel,), {"__doc__": "Two."}))
        self.assertEqual(zoo.describe("novel").summary, "One.")
        self.assertEqual(zoo.describe("novel").reference, "here")

    def test_an_unknown_task_is_refused(self):
        with self.assertRaisesRegex(ValueError, "must be one of classification, .*; got 'magic'"):
            zoo.register("novel", task="magic", reference="here")

    def test_an_unknown_name_lists_the_names_and_the_nearest(self):
        with tiny_model.registered():
            with self.assertRaisesRegex(ValueError, r"'tinny' \(did you mean 'tiny'\?\).*tiny"):
                zoo.create("tinny")
            with self.assertRaisesRegex(ValueError, "unknown model 'qqqqqq'; registered: .*tiny"):
                zoo.describe("qqqqqq")

    def test_an_unknown_hyperparameter_lists_the_names_and_the_nearest(self):
        with tiny_model.registered():
            with self.assertRaisesRegex(
                ValueError, r"'latent_dims' of model 'tiny' \(did you mean 'latent_dim'\?\)"
            ):
                zoo.create("tiny", latent_dims=2)
            self.assertEqual(zoo.create("tiny", latent_dim=5).latent_dim, 5)

    def test_values_of_another_kind(self):
        @zoo.register("novel", task="representation", reference="here")
        class Novel(ImageModel):
            """One."""

            def __init__(self, *, units=(4, 8), depth=2, deep=False, class_names=("a", "b")):
                super().__init__(image_shape=(units[0], units[1], 1), preprocessing=())

        message = "depth of model 'novel' must be a number, such as 2; got 'deep'"
        with self.assertRaisesRegex(ValueError, message):
            zoo.create("novel", depth="deep")
        message = r"units of model 'novel' must be a list, such as \[4, 8\] or \[32\]; got 32"
        with self.assertRaisesRegex(ValueError, message):
            zoo.create("novel", units=32)
        message = "deep of model 'novel' must be true or false; got 'false'"
        with self.assertRaisesRegex(ValueError, message):
            zoo.create("novel", deep="false")
        message = "class_names of model 'novel' must be a list of names; got 'star'"
        with self.assertRaisesRegex(ValueError, message):
            zoo.create("novel", class_names="star")
        self.assertEqual(zoo.create("novel", units=[5, 6]).image_shape, (5, 6, 1))

    def test_arguments_are_read_along_the_hierarchy(self):
        class Parent(ImageModel):
            def __init__(self, *, depth=2, width=3, augment=True, **kwargs):
                super().__init__(augment=augment, **kwargs)
                self.depth, self.width = depth, width

        class Child(Parent):
            fixed_arguments = ("width", "class_names")

            def __init__(self, *, depth=5, units=7, **kwargs):
                super().__init__(depth=depth, width=11, **kwargs)
                self.units = units

        self.assertEqual(
            Child.constructor_arguments(),
            {
                "image_shape": (64, 64, 5),
                "preprocessing": "asinh",
                "augment": True,
                "seed": 0,
                "depth": 5,
                "units": 7,
            },
        )
        child = Child(units=1, seed=3, name="mine")
        self.assertEqual((child.depth, child.width, child.units, child.seed), (5, 11, 1, 3))
        self.assertTrue(child.augment)
        for name, hint in (("width", ".*"), ("unit", r" \(did you mean 'units'\?\)")):
            message = f"unknown hyperparameter '{name}' of Child{hint}; it has: seed, image_shape,"
            with self.assertRaisesRegex(ValueError, message):
                Child(**{name: 1})

    def test_every_model_describes_itself(self):
        names = tiny_model.models_of_the_zoo()
        self.assertNotEmpty(names)
        for name in names:
            with self.subTest(name):
                entry = zoo.describe(name)
                self.assertEqual(entry.name, name)
                self.assertIn(entry.task, registry.TASKS)
                self.assertNotEmpty(entry.reference)
                self.assertTrue(entry.summary.endswith("."), entry.summary)
                outcome = "questions" if entry.task == "votes" else "class_names"
                common = {outcome, "seed"}
                if issubclass(entry.model_class, ImageModel):
                    common |= {"image_shape", "preprocessing", "augment"}
                common -= {*entry.model_class.fixed_arguments}
                self.assertContainsSubset(common, entry.hyperparameters)
                self.assertEqual(entry.model_class.registry_name, name)

    def test_listing_the_models_does_not_wait_for_tensorflow(self):
        code = "import sys, zoo; zoo.list_models(); sys.exit('tensorflow' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)
