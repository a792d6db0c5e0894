from types import SimpleNamespace

import tensorflow as tf

from trainers.datasets import builders
from trainers.errors import UserError


class SpecOfTest(tf.test.TestCase):
    def test_what_is_missing_is_listed(self):
        info = SimpleNamespace(
            features={"id": None}, metadata={"units": "counts"}, splits={"train": 1, "test": 1}
        )
        message = (
            "^dataset 'mine/all' cannot be used: it has no feature 'image', no metadata 'bands', "
            "no split 'validation'$"
        )
        with self.assertRaisesRegex(UserError, message):
            builders.spec_of(SimpleNamespace(info=info), "mine/all")
