"""`flux_gap`: difference of the mean fluxes of the last and the first class."""

from trainers.evaluators import EvaluationContext, Section, register


@register("flux_gap", title="Gap of the fluxes", needs=("labels",))
def evaluate_flux_gap(context: EvaluationContext) -> Section:
    flux = context.images.sum(axis=(1, 2, 3))
    last = context.labels.max()
    gap = flux[context.labels == last].mean() - flux[context.labels == 0].mean()
    return Section(
        metrics={"gap": float(gap)}, text=["Mean flux of the last class less that of the first."]
    )
