"""How a model meets data: the commands, recipes, training loop, evaluators and export."""
