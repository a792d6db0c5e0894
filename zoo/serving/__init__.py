"""SavedModels in numbered folders, as TensorFlow Serving reads them."""
