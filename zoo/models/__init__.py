"""One file per registered model, named after its key. Import a model through `zoo.create`."""
