"""Training, evaluation, prediction and export of models, and their commands."""
