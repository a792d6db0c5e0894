"""Latent space: embeddings, distributions, and correlations with physical quantities."""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import embedding_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section
from trainers.evaluators.statistics import embedding, latents

__all__ = ["evaluate_latent_space"]

_OBJECTS = 1500
_QUANTITIES = 5
_SHOWN_LATENTS = 12


@register("latent_space", title="Latent space", needs=("latents",))
def evaluate_latent_space(context: EvaluationContext) -> Section:
    """Embeds the latents in a plane and relates them to classes and physical quantities."""
    mean, stddev = context.latents(), context.latent_stddevs()
    order = latents.most_informative(mean, stddev)
    values = latents.information(mean, stddev)
    active = int((values > latents.ACTIVE).sum())
    section = Section(
        metrics={"latents": mean.shape[1], "active_latents": active},
        key_numbers={"Active latents": f"{active} of {mean.shape[1]}"},
    )
    section.text.append(
        f"{active} of {mean.shape[1]} latents are active: more than {100 * latents.ACTIVE:.0f} % "
        "of their variance lies between objects, not within the posterior of one."
    )
    if active == 0:
        section.text.append("The posterior has collapsed: the latents do not distinguish objects.")
        return section
    correlations = _correlations(context, mean[:, order[:_SHOWN_LATENTS]])
    _embedding(context, section, mean, list(correlations)[:_QUANTITIES])
    section.figures.append(_distributions(context, mean, order[:6]))
    if correlations:
        for name in list(correlations)[:_QUANTITIES]:
            section.metrics[f"max_correlation_{name}"] = np.abs(correlations[name]).max()
        section.figures.append(_correlation_figure(context, correlations, order[:_SHOWN_LATENTS]))
    if context.lacks("probability") is None and context.class_names:
        section.metrics["mean_highest_probability"] = context.probability().max(axis=1).mean()
        section.figures.append(_responsibilities(context))
    return section


def _correlations(context, mean) -> dict[str, np.ndarray]:
    # Strongest first.
    correlations = {}
    for name, values in context.quantities().items():
        usable = np.isfinite(values)
        if usable.sum() >= 10:
            correlations[name] = np.array(
                [stats.spearmanr(column[usable], values[usable]).statistic for column in mean.T]
            )
    correlations = {name: np.nan_to_num(values) for name, values in correlations.items()}
    return dict(sorted(correlations.items(), key=lambda item: -np.abs(item[1]).max()))


def _embedding(context, section, mean, quantities) -> None:
    chosen = context.subset(_OBJECTS, "latent_space")
    points = mean[chosen]
    plane = embedding.tsne(points, 2, context.seed)
    section.metrics["tsne_trustworthiness"] = trustworthiness(
        points, plane, n_neighbors=min(10, len(points) // 3)
    )
    sentence = (
        f"t-SNE (perplexity {embedding.PERPLEXITY:g}) shows {len(chosen)} objects, with a "
        f"trustworthiness of {section.metrics['tsne_trustworthiness']:.3f}."
    )
    labels = None if context.labels is None else context.labels[chosen]
    if labels is not None and len(np.unique(labels)) > 1:
        section.metrics["silhouette"] = silhouette_score(points, labels)
        sentence += (
            " The silhouette of the classes in the full latent space is "
            f"{section.metrics['silhouette']:.3f}."
        )
    section.text.append(sentence)
    methods = {"tsne": ("t-SNE", plane)}
    if embedding.has_umap():
        methods["umap"] = ("UMAP", embedding.umap(points, context.seed))
    else:
        section.text.append("UMAP is drawn where umap-learn is installed (the extra `umap`).")
    for key, (name, embedded) in methods.items():
        section.figures += [
            context.save_figure(
                embedding_figures.coloured(context, embedded, chosen, quantities, name),
                key,
                f"{name} of the latent means, coloured by class and by the quantities of the "
                "dataset that correlate best with the latents; colours span the central 96 %; "
                "grey: no value.",
            ),
            context.save_figure(
                embedding_figures.with_galaxies(context, embedded, chosen, name),
                f"{key}_galaxies",
                f"Objects in the {name} plane: in each cell the one nearest to its centre.",
            ),
        ]


def _distributions(context, mean, shown) -> FigureFile:
    figure, axes = plot_style.new_panels(len(shown), 3, width=3.6, height=2.6)
    sample = getattr(context.model, "sample_prior", None)
    prior = None if sample is None else np.asarray(sample(5000, context.seed))
    for panel, latent in zip(axes, shown, strict=True):
        covered = [mean[:, latent]] + ([] if prior is None else [prior[:, latent]])
        ranges = np.percentile(covered[0], [0.2, 99.8]), np.percentile(covered[-1], [0.2, 99.8])
        low, high = np.min(ranges), np.max(ranges)
        low, high = low - 0.1 * (high - low), high + 0.1 * (high - low)
        edges = plot_style.bin_edges(low, high, len(mean))
        for name, members, colour in context.groups():
            weight = np.full(members.sum(), 1 / len(mean) / (edges[1] - edges[0]))
            look = {"alpha": 0.55, "color": colour, "label": name}
            panel.hist(mean[members, latent], edges, weights=weight, **look)
        if prior is not None:
            density, _ = np.histogram(prior[:, latent], edges)
            density = density / len(prior) / (edges[1] - edges[0])
            panel.stairs(density, edges, color="0.2", linewidth=1.2, label="prior")
        panel.set(xlabel=f"latent {latent}", ylabel="Density")
    axes[0].legend()
    prior_text = "" if prior is None else "; outline: the prior"
    return context.save_figure(
        figure,
        "latents",
        f"Distribution of the means of the most informative latents, by class{prior_text}. "
        "The classes together integrate to 1, each to its share.",
    )


def _correlation_figure(context, correlations, shown) -> FigureFile:
    names = list(correlations)[:12]
    matrix = np.array([correlations[name] for name in names])
    width, height = 2.9 + 0.42 * len(shown), 1.4 + 0.32 * len(names)
    figure, (axes,) = plot_style.new_figure(width=width, height=height)
    drawn = axes.imshow(matrix, cmap=plot_style.DIVERGING, vmin=-1, vmax=1, aspect="auto")
    for row, column in np.ndindex(matrix.shape):
        value = round(matrix[row, column], 1) + 0.0  # No "-0.0".
        colour = "white" if abs(value) > 0.65 else "black"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=7.5, color=colour)
    axes.set_xticks(range(len(shown)), shown)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes.set(xlabel="Latent, most informative first")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(drawn, ax=axes, label="Spearman correlation", pad=0.02)
    return context.save_figure(
        figure,
        "latent_correlations",
        "Rank correlation of the latents with the quantities of the dataset, over the objects "
        "that have them, without classes in which a quantity is constant. The model did not "
        "see these quantities.",
    )


def _responsibilities(context) -> FigureFile:
    probability, names = context.probability(), context.class_names
    positive = context.positive_class
    shown = list(range(len(names))) if positive is None else [positive]
    figure, axes = plot_style.new_panels(len(shown), 3, width=4.6, height=3.2)
    edges = np.linspace(0, 1, 41)
    for panel, index in zip(axes, shown, strict=True):
        for name, members, colour in context.groups():
            look = {"alpha": 0.55, "color": colour, "label": name}
            panel.hist(probability[members, index], edges, **look)
        panel.set(xlabel=f"Probability of {names[index]}", ylabel="Objects", yscale="log")
    axes[0].legend(title="true class", loc="upper center")
    return context.save_figure(
        figure,
        "responsibilities",
        "Probabilities that the model gives, by true class; for a mixture they are the "
        "responsibilities of its components.",
    )
