from unittest import mock

import tensorflow as tf

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.evaluators import EvaluationContext, registry


class RegistryTest(tf.test.TestCase):
    def test_every_evaluator_is_known_by_its_file(self):
        for name in registry.list_evaluators():
            entry = registry.describe(name)
            self.assertEqual(entry.name, name)
            self.assertEqual(entry.run.__module__, f"trainers.evaluators.{name}")

    def test_duplicate_raises(self):
        registry.describe("roc")
        with self.assertRaisesRegex(ValueError, "'roc' is already registered by .*evaluate_roc"):
            registry.register("roc", title="again")(print)

    def test_unknown_name_lists_the_choices_and_the_nearest(self):
        with self.assertRaisesRegex(ValueError, "did you mean 'reconstruction'.*registered: .*roc"):
            registry.describe("reconstructions")

    def _selected(self, model, dataset, names=None):
        context = EvaluationContext(model, dataset, self.get_temp_dir())
        chosen, left_out = registry.select(context, names)
        return [entry.name for entry in chosen], left_out

    def test_evaluators_fit_the_task(self):
        dataset = StandInDataset()
        unsupervised, left_out = self._selected(StandInModel(dataset), dataset)
        self.assertLessEqual({"history", "separation", "tasks"}, set(left_out))
        self.assertLessEqual({"roc", "manifold", "latent_space", "class_outliers"}, {*unsupervised})
        fitting = [name for name in registry.list_evaluators() if name not in left_out]
        self.assertEqual(unsupervised, fitting)
        supervised, left_out = self._selected(
            StandInModel(dataset, task="classification", methods=()), dataset
        )
        self.assertLessEqual({"roc", "separator"}, {*supervised})
        self.assertIn("no encode()", left_out["probe"])
        representation, _ = self._selected(StandInModel(dataset, task="representation"), dataset)
        self.assertNotIn("roc", representation)
        self.assertIn("manifold", representation)

    def test_components_without_the_names_of_the_classes_judge_no_class(self):
        dataset = StandInDataset()
        model = StandInModel(dataset)
        model.class_names = ("component_1", "component_2")
        chosen, left_out = self._selected(model, dataset)
        self.assertLessEqual({"roc", "thresholds"}, set(left_out))
        self.assertLessEqual({"probe", "latent_space", "outliers"}, {*chosen})
        self.assertNotIn("compact_class", left_out["roc"])
        model.compact_class = "ring"
        self.assertIn("`hp` compact_class=NAME", self._selected(model, dataset)[1]["roc"])
        # A classifier with other classes is a mistake, not a model without names.
        model.task = "classification"
        self.assertNotIn("roc", self._selected(model, dataset)[1])

    def test_a_need_may_be_a_function(self):
        dataset = StandInDataset()
        context = EvaluationContext(StandInModel(dataset), dataset, self.get_temp_dir())

        def bands(context):
            number = context.images.shape[-1]
            return None if number == 9 else f"the images have {number} bands"

        entry = registry.EvaluatorEntry("nine", "Nine", ("labels", bands), print)
        # All are registered before, as the patch takes away what comes later.
        registry.select(context)
        with mock.patch.dict(registry._entries, {"nine": entry}):
            _, left_out = registry.select(context)
            self.assertEqual(
                left_out["nine"], f"the images have {dataset.spec.image_shape[-1]} bands"
            )
            with self.assertRaisesRegex(ValueError, "'nine' does not fit: the images have"):
                registry.select(context, ["nine"])
            with mock.patch.object(EvaluationContext, "images", tf.zeros((1, 1, 1, 9))):
                self.assertEqual([e.name for e in registry.select(context, ["nine"])[0]], ["nine"])

    def test_what_does_not_fit_cannot_be_asked_for(self):
        dataset = StandInDataset()
        model = StandInModel(dataset, methods=())
        with self.assertRaisesRegex(ValueError, "'outliers' does not fit: the model has no encode"):
            self._selected(model, dataset, ["outliers"])
