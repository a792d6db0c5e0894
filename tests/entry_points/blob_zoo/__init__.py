"""A model, a dataset and an evaluator that another package adds to the galaxy model zoo."""
