"""Files that TensorFlow Serving reads beside a SavedModel, model cards, and clients."""
