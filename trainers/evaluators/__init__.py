"""Evaluators: each turns a trained model and a dataset into numbers, tables and figures.

An evaluator is a function `run(context) -> Section` in a file of its own, registered under the
name of the file with what it needs of the model and the data:

    @register("roc", title="Classification", needs=("labels", "probability"))
    def evaluate_roc(context: EvaluationContext) -> Section:

The context has the images, labels and features of the split, the outputs of the model (computed
once), random numbers, and a place for figures. The name is entered in `registry.py`, where the
order of the report stands. Another package adds an evaluator by an entry point in the group
"galaxy_model_zoo.evaluators".
"""

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import (
    EvaluatorEntry,
    describe,
    list_evaluators,
    register,
    select,
)
from trainers.evaluators.section import FigureFile, Section, Table

__all__ = [
    "EvaluationContext",
    "EvaluatorEntry",
    "FigureFile",
    "Section",
    "Table",
    "describe",
    "list_evaluators",
    "register",
    "select",
]
