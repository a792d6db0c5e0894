"""Evaluators: each turns a trained model and a dataset into numbers, tables and figures."""

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
