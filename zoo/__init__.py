"""Keras models for galaxy surveys: create, train, load and export them.

model = zoo.create("vae", image_shape=(64, 64, 3), latent_dim=8)
model.fit(images, epochs=20)
model.save("vae.keras")
latents = zoo.load("vae.keras").encode(images)["latent_mean"]
"""

from zoo.loading import load
from zoo.registry import ModelEntry, create, describe, list_models, register
from zoo.weights import list_weights

__all__ = ["ModelEntry", "create", "describe", "list_models", "list_weights", "load", "register"]
