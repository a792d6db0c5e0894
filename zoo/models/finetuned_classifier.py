"""`finetuned_classifier`: a new task from few labels, on what another model has learnt to see."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import encoders, joint_encoder, losses, model_sources, registry
from zoo import preprocessing as zoo_preprocessing
from zoo.batching import in_parts
from zoo.choices import check_choice
from zoo.fingerprints import weights_checksum, without_names
from zoo.image_model import ImageModel
from zoo.joint_encoder import JointEncoder
from zoo.layers.augmentation import mean_over_symmetries
from zoo.layers.dense_head import DenseHead
from zoo.layers.feature_scaling import FeatureScaling
from zoo.model import ZooModel
from zoo.symmetry_average import SymmetryAverage

__all__ = ["TRAININGS", "FinetunedClassifier"]

TRAININGS = ("frozen", "fine_tuned", "from_scratch")

# Images at a time when the features are scaled.
_BATCH = 64


@registry.register(
    "finetuned_classifier",
    task="classification",
    reference="Walmsley et al. 2022 (MNRAS 513, 1581), practical galaxy morphology tools",
)
class FinetunedClassifier(SymmetryAverage, ImageModel):
    """Classifier on the features of any trained model of the zoo.

        f = (features(image) - mean) / stddev     p = softmax(W drop(f) + b)
        loss = class weight x cross-entropy with the label

    The features are those of `zoo.encoders.features`: the last hidden layer of a classifier, the
    means of the latents of an autoencoder. Mean and standard deviation are those of the training
    images before training. A saved model holds the encoder: it needs the file it came from no more.

    Images are brought to the size and bands that the encoder was built for: the central part
    (`crop`), scaled; grey images are repeated in each of its bands, those of several bands are
    averaged for a grey encoder, other numbers of bands are refused. Units and angular size of
    a galaxy should be those that the encoder knows. Its preprocessing is part of it, with its
    statistics.

    Departures from the source: any encoder; all of it is trained at once, at a lower rate, rather
    than its last layers.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 3).
        class_names: Names of the classes, two or more. Default ("first", "second").
        preprocessing: Before the encoder with its own; see `zoo.preprocessing.make`. Default none.
        augment: Whether training images are flipped and turned at random; not with features that
            were computed before. Default True.
        encoder: Named set of weights (`zoo.list_weights()`), folder of a finished run, or `.keras`
            file of a model of the zoo. Or a registry key (default "star_galaxy_cnn"): that model
            as it is made, untrained but for weights that its hyperparameters name. Or a list of
            the former, without keys: the features of all of them side by side.
        encoder_hyperparameters: Of an encoder that is a registry key, where they differ from its
            defaults: {"weights": PATH} for ImageNet in "star_galaxy_vgg" or "blendhunter".
        training: "frozen": the head alone is trained. "fine_tuned" (default): the encoder too, from
            its weights. "from_scratch": the encoder too, from random weights, for comparison; and
            its preprocessing is adapted to the new images.
        encoder_rate: Learning rate of a fine-tuned encoder in units of that of the head, default
            0.1. From scratch it is 1.
        crop: Share of the shorter side that is kept, a square about the centre; 1 (default) keeps
            the whole image if it is square or the encoder's is not.
        units: Length of each hidden layer of the head (ReLU). Default none, a linear one.
        dropout: Share of the features (of the first hidden layer, if there are any) dropped in
            training, default 0.3.
        label_smoothing: Share of the target spread over all classes in training, default 0.
        class_counts: Examples of each class; None (default) for as many in each. A run gives those
            of its training data.
        balanced: Whether the classes count alike in the loss, however many examples they have
            (`zoo.losses.balanced_weights`). Default False.
        average_symmetries: Whether the answer has the mean logits of the eight flips and turns of
            the image. Eight times the work in use, and a signature `single_view` without it.
            Default False.

    The other arguments are those of `zoo.image_model.ImageModel`; `seed` is that of a random
    encoder too.

    Raises:
        ValueError: if an argument is outside what is listed here, or the encoder does not fit.

    References:
        Walmsley et al. 2022, section 4 (finetuning, for rings from few labels); Dominguez Sanchez
        et al. 2019 (MNRAS 484, 93) for transfer between surveys.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 3))
        labels = np.arange(64) % 2
        encoder = zoo.create("vae", image_shape=(16, 16, 3), filters=(8,), latent_dim=4)
        encoder.fit(images)
        encoder.save("encoder.keras")
        model = zoo.create("finetuned_classifier", image_shape=(16, 16, 3), encoder="encoder.keras")
        model.fit(images, labels, epochs=2)
        ```
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 3),
        class_names: Sequence[str] = ("first", "second"),
        preprocessing: Any = (),
        augment: bool = True,
        encoder: str | os.PathLike | Mapping[str, Any] = "star_galaxy_cnn",
        encoder_hyperparameters: Mapping[str, Any] | None = None,
        training: str = "fine_tuned",
        encoder_rate: float = 0.1,
        crop: float = 1.0,
        units: Sequence[int] = (),
        dropout: float = 0.3,
        label_smoothing: float = 0.0,
        class_counts: Sequence[int] | None = None,
        balanced: bool = False,
        average_symmetries: bool = False,
        **kwargs: Any,
    ):
        chosen = dict(encoder_hyperparameters or {})
        _check_training(training, encoder_rate, crop, encoder, chosen)
        image_shape = tuple(int(size) for size in image_shape)
        made_of = {"image_shape": image_shape, "seed": kwargs.get("seed", 0), **chosen}
        before = zoo_preprocessing.make(preprocessing)
        if isinstance(encoder, (list, tuple)):
            seen = joint_encoder.output_shape(before, image_shape)
            source = _join(encoder, training, made_of, seen, crop)
        else:
            source = _make_encoder(encoder, training, made_of)
        # The members of a joint encoder crop for themselves.
        share = 1.0 if isinstance(source, JointEncoder) else crop
        super().__init__(
            image_shape=image_shape,
            class_names=class_names,
            preprocessing=joint_encoder.fitted(before, image_shape, source.image_shape, share),
            augment=augment,
            **kwargs,
        )
        if len(self.class_names) < 2:
            raise ValueError(
                f"class_names must name at least two classes; got {list(self.class_names)}"
            )
        if class_counts is not None and len(class_counts) != len(self.class_names):
            raise ValueError(
                f"class_counts must be a number for each of {list(self.class_names)}; "
                f"got {list(class_counts)}"
            )
        self.training = training
        self.encoder_rate = encoder_rate
        self.crop = crop
        self.units = tuple(units)
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.class_counts = None if class_counts is None else tuple(class_counts)
        self.balanced = balanced
        self.average_symmetries = average_symmetries
        self.encoder = source
        length = self._freeze()
        self.scaling = FeatureScaling(length, name="scaling")
        self.head = DenseHead(
            length,
            self.units,
            ("relu",) * len(self.units),
            len(self.class_names),
            dropout,
            self.seed + 100,
            name="head",
        )
        self.built = True

    def _freeze(self) -> int:
        """Leaves those weights of the encoder to be trained that should be; returns its length."""
        # Of a variational autoencoder, the decoder has no part in the features.
        with tf.GradientTape() as tape:
            features = self.features(tf.zeros((1, *self.image_shape)))
        watched = {variable.ref() for variable in tape.watched_variables()}
        strategy = tf.distribute.get_strategy()
        for variable in self.encoder.trainable_variables:
            copies = strategy.experimental_local_results(variable.value)
            read = any(copy.ref() in watched for copy in (variable.value, *copies))
            variable.trainable = read and self.training != "frozen"
        if self.training != "frozen" and not self.encoder.trainable_variables:
            raise ValueError(
                f"training must be 'frozen' with encoder '{self.encoder.registry_name}', whose "
                f"features come from frozen weights; got '{self.training}'"
            )
        return int(features.shape[-1])

    def learning_rate_factors(self) -> list[float]:
        rate = self.encoder_rate if self.training == "fine_tuned" else 1.0
        own = {id(variable) for variable in self.encoder.trainable_variables}
        return [rate if id(variable) in own else 1.0 for variable in self.trainable_variables]

    def adapt(self, images: np.ndarray) -> None:
        super().adapt(images)
        if self.training == "from_scratch":
            self.encoder.adapt(in_parts(self._fitting, images, _BATCH))
        self.scaling.adapt(in_parts(self.features, images, _BATCH))

    # Inference.

    def _fitting(self, images: tf.Tensor) -> tf.Tensor:
        """Returns images of the size and the bands that the encoder takes."""
        return joint_encoder.with_bands(self.preprocessing(images), self.encoder.image_shape[-1])

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns what the encoder sees in images in survey units, (batch, features) float32."""
        return encoders.features(self.encoder, self._fitting(images))

    def features_key(self) -> str:
        """Returns, as JSON, all that the features depend on."""
        key = {
            "encoder": joint_encoder.describe(self.encoder),
            "weights": weights_checksum(self.encoder),
            "preprocessing": keras.saving.serialize_keras_object(self.preprocessing),
            "statistics": weights_checksum(self.preprocessing),
        }
        return json.dumps(without_names(key), sort_keys=True)

    def classify(self, features: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Returns unnormalised log probabilities, (batch, classes), from `features`.

        Args:
            features: (batch, features).
            seed: Stateless seed of the dropout; None for no dropout.
        """
        return self.head(self.scaling(features), seed=seed)

    def answer(self, images: tf.Tensor, average: bool) -> dict[str, tf.Tensor]:
        def logits(images: tf.Tensor) -> tf.Tensor:
            return self.classify(self.features(images))

        logits = mean_over_symmetries(logits, images) if average else logits(images)
        return {"probability": tf.nn.softmax(logits)}

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns loss and accuracy; `batch` may have "features" in place of "image"."""
        features = batch["features"] if "features" in batch else self.features(batch["image"])
        logits = self.classify(features, seed if training else None)
        smoothing = self.label_smoothing if training else 0.0
        weights = None
        if self.balanced and self.class_counts is not None:
            weights = losses.balanced_weights(self.class_counts)
        return losses.classification_terms(batch["label"], logits, smoothing, weights)

    def get_config(self) -> dict[str, Any]:
        # The layers that bring images to the size of the encoder are put behind the first again.
        first = self.preprocessing.layers[0]
        return {
            **super().get_config(),
            "preprocessing": keras.saving.serialize_keras_object(first),
            # The description has the encoder's hyperparameters, chosen ones and defaults.
            "encoder": joint_encoder.describe(self.encoder),
            "encoder_hyperparameters": None,
        }


def _make_encoder(encoder: Any, training: str, hyperparameters: Mapping[str, Any]) -> ZooModel:
    if isinstance(encoder, Mapping):
        return joint_encoder.build(encoder)
    model = model_sources.model_of("encoder", encoder, hyperparameters)
    if training == "from_scratch" and not model_sources.is_registry_key(encoder):
        return encoders.build(encoders.describe(model), seed=hyperparameters["seed"])
    return model


def _join(
    sources: Sequence[Any],
    training: str,
    hyperparameters: Mapping[str, Any],
    image_shape: Sequence[int],
    crop: float,
) -> JointEncoder:
    keys = [source for source in sources if model_sources.is_registry_key(source)]
    if len(sources) < 2 or keys:
        raise ValueError(
            "encoder must be one source, or a list of two or more trained models; got "
            f"{[str(source) for source in sources]}"
        )
    members = [_make_encoder(source, training, hyperparameters) for source in sources]
    return JointEncoder(members, image_shape, crop)


def _check_training(
    training: str,
    encoder_rate: float,
    crop: float,
    encoder: Any,
    hyperparameters: Mapping[str, Any],
) -> None:
    check_choice("training", training, TRAININGS)
    if not 0 < encoder_rate <= 1:
        raise ValueError(f"encoder_rate must be above 0 and at most 1; got {encoder_rate}")
    if not 0 < crop <= 1:
        raise ValueError(f"crop must be above 0 and at most 1; got {crop}")
    model_sources.check_hyperparameters("encoder", encoder, hyperparameters)
    is_key = model_sources.is_registry_key(encoder)
    if training == "frozen" and is_key and hyperparameters.get("weights") in (None, "none"):
        raise ValueError(
            f"encoder must be a trained model with training 'frozen', a run folder, a .keras file "
            f"or one with weights in encoder_hyperparameters; got '{encoder}', which is untrained"
        )
