"""The recipe `paper` of `image_to_spectrum` against its source."""

import keras
import tensorflow as tf

import zoo
from trainers import recipes
from zoo.layers.hybrid_residual import PixelAttention
from zoo.layers.network_deconvolution import NetworkDeconvolution


class ImageToSpectrumTest(tf.test.TestCase):
    """Wu & Peek 2020 and its code, the hybrid network: xresnet18 with a stem of deconvolution."""

    def test_paper(self):
        recipe = recipes.get("image_to_spectrum", "paper")
        spectra = {"spectra": "spectrum_vae", "spectra_hyperparameters": {"hidden": (8,)}}
        model = zoo.create("image_to_spectrum", **{**recipe.hyperparameters, **spectra})
        layers = model.backbone.layers
        stem = [layer for layer in layers if isinstance(layer, NetworkDeconvolution)]
        self.assertEqual([layer.filters for layer in stem], [32, 32, 64])
        self.assertEqual([layer.strides for layer in stem], [2, 1, 1])
        self.assertEqual({layer.group for layer in stem}, {64})
        blocks = [layer.output.shape[1:] for layer in layers if isinstance(layer, keras.layers.Add)]
        sizes = [(16, 16, 64), (8, 8, 128), (4, 4, 256), (2, 2, 512)]
        self.assertEqual(blocks, [size for size in sizes for _ in range(2)])
        self.assertLen([layer for layer in layers if isinstance(layer, PixelAttention)], 1)
        activations = {
            layer.activation.__name__
            for layer in layers
            if isinstance(layer, keras.layers.Activation)
        }
        self.assertEqual(activations, {"mish"})
        self.assertEqual((recipe.batch_size, recipe.epochs, recipe.weight_decay), (128, 50, 1e-2))
        self.assertEqual(model.latent_dim, 6)


if __name__ == "__main__":
    tf.test.main()
