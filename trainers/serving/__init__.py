"""What TensorFlow Serving takes: SavedModels, versions and the files beside them."""
