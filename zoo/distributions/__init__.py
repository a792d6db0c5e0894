"""Posteriors, priors, votes and distances between samples; built on TFP."""

from zoo.distributions.aggregated_wasserstein import aggregated_wasserstein
from zoo.distributions.coral import coral
from zoo.distributions.decision_tree import DecisionTree
from zoo.distributions.jensen_shannon import jensen_shannon_bound
from zoo.distributions.kl import kl_monte_carlo, kl_normal
from zoo.distributions.mmd import mmd
from zoo.distributions.pointwise_wasserstein import pointwise_wasserstein
from zoo.distributions.posterior import DiagonalNormal, FullCovarianceNormal
from zoo.distributions.prior import MixturePrior
from zoo.distributions.sliced_cramer import sliced_cramer
from zoo.distributions.votes import VoteDistribution

__all__ = [
    "DecisionTree",
    "DiagonalNormal",
    "FullCovarianceNormal",
    "MixturePrior",
    "VoteDistribution",
    "aggregated_wasserstein",
    "coral",
    "jensen_shannon_bound",
    "kl_monte_carlo",
    "kl_normal",
    "mmd",
    "pointwise_wasserstein",
    "sliced_cramer",
]
