"""A depthwise convolution that is as fast on images smaller than its kernel."""

from __future__ import annotations

import keras
import tensorflow as tf

__all__ = ["DepthwiseConv2D"]


@keras.saving.register_keras_serializable(package="zoo")
class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D`; pads images that are smaller than its kernel by itself.

    For such images oneDNN has no gradient of a depthwise kernel and takes that of grouped
    convolutions, which is some five times slower (2 x 2 px, 1,152 channels). The last stages of
    networks made for 224 px meet them where images have 64 px. The result is the same.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if not self._is_larger_than(inputs.shape[1:3]):
            return super().call(inputs)
        # As "same" pads where strides are 1.
        around = [((side - 1) // 2, side // 2) for side in self.kernel_size]
        padded = tf.pad(inputs, [(0, 0), *around, (0, 0)])
        outputs = keras.ops.depthwise_conv(padded, self.kernel, padding="valid")
        if self.use_bias:
            outputs += self.bias
        return self.activation(outputs)

    def _is_larger_than(self, size: tf.TensorShape) -> bool:
        return (
            self.padding == "same"
            and self.data_format == "channels_last"
            and {*self.strides, *self.dilation_rate} == {1}
            and any(
                side is not None and side < kernel
                for side, kernel in zip(size, self.kernel_size, strict=True)
            )
        )
