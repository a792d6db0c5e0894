"""A model with a teacher that follows by moving average, and a queue of its features."""

import keras
import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case, tiny_model
from zoo.image_model import ImageModel
from zoo.layers.feature_queue import FeatureQueue
from zoo.layers.moving_average import freeze_copy, update_teacher


@keras.saving.register_keras_serializable(package="tests")
class TinyContrast(ImageModel):
    """Contrast of a student's features with those of its teacher, and a queue of the others."""

    def __init__(self, *, length=3, queue=12, momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        self.length, self.momentum = length, momentum
        self.student, self.teacher = self._network(), self._network()
        freeze_copy(self.teacher, self.student)
        self.queue = FeatureQueue(queue, length, self.seed)

    def _network(self):
        images = keras.Input(self.image_shape)
        initializer = keras.initializers.GlorotUniform(seed=self.seed)
        dense = keras.layers.Dense(self.length, kernel_initializer=initializer)
        return keras.Model(images, dense(keras.layers.Flatten()(images)))

    def _unit(self, network, images):
        features = tf.cast(network(self.preprocessing(images)), tf.float32)
        return tf.math.l2_normalize(features + 1e-3, axis=-1)

    def features(self, images):
        """Returns the student's features, of unit length."""
        return self._unit(self.student, images)

    def call(self, images, training=False):
        """Returns the student's features."""
        return {"features": self.features(images)}

    def objective(self, batch, seed, training):
        student = self._unit(self.student, batch["image"])
        teacher = tf.stop_gradient(self._unit(self.teacher, batch["image"]))
        same = tf.reduce_sum(student * teacher, axis=-1, keepdims=True)
        others = tf.matmul(student, self.queue.vectors, transpose_b=True)
        logits = tf.concat([same, others], axis=-1) / 0.2
        return {"loss": -tf.nn.log_softmax(logits)[:, 0]}

    def train_step(self, batch):
        keys = self._unit(self.teacher, batch["image"])
        terms = super().train_step(batch)
        self.queue.enqueue(keys)
        update_teacher(self.teacher, self.student, self.momentum)
        return terms

    def get_config(self):
        own = {"length": self.length, "queue": self.queue.size, "momentum": self.momentum}
        return {**super().get_config(), **own}


class TeacherTest(model_test_case.ZooModelTestCase):
    model_name = "tiny_contrast"
    hyperparameters = {"image_shape": (5, 5, 2), "seed": 2}
    output_shapes = {"features": (3,)}

    def setUp(self):
        super().setUp()
        self.enterContext(tiny_model.registered(self.model_name, TinyContrast, "representation"))

    def test_the_teacher_follows_and_the_queue_turns(self):
        model = self.make()
        images = self.images(8)
        trained = {id(variable) for variable in model.trainable_variables}
        self.assertFalse(trained & {id(variable) for variable in model.teacher.variables})
        start = [variable.numpy() for variable in model.student.variables]
        for one, two in zip(start, model.teacher.variables, strict=True):
            self.assertAllEqual(one, two)
        keys = []
        for _ in range(2):
            keys.append(model._unit(model.teacher, images).numpy())
            before = [variable.numpy() for variable in model.teacher.variables]
            model.train_step({"image": tf.constant(images)})
            students = [variable.numpy() for variable in model.student.variables]
            for old, student, new in zip(before, students, model.teacher.variables, strict=True):
                self.assertAllClose(new, 0.9 * old + 0.1 * student, rtol=1e-6)
        # 16 went into 12 places: the first four were overwritten.
        self.assertAllClose(model.queue.vectors[8:12], keys[1][:4], rtol=1e-5)
        self.assertAllClose(model.queue.vectors[:4], keys[1][4:], rtol=1e-5)
        self.assertAllClose(model.queue.vectors[4:8], keys[0][4:], rtol=1e-5)
        self.assertEqual(int(model.queue.place), 4)

    def test_more_than_the_queue_holds(self):
        queue = FeatureQueue(3, 2)
        rows = np.arange(10, dtype=np.float32).reshape(5, 2)
        queue.enqueue(tf.constant(rows))
        self.assertAllEqual(queue.vectors, rows[2:])
        with self.assertRaisesRegex(ValueError, "size and length must be at least 1; got 0 and 2"):
            FeatureQueue(0, 2)


if __name__ == "__main__":
    tf.test.main()
