"""`flux_gap`: difference of the mean fluxes of the last and the first class."""

from trainers.evaluators import EvaluationContext, Section, register


def _two_bands(context: EvaluationContext) -> str | None:
    bands = context.images.shape[-1]
    return None if bands == 2 else f"the images have {bands} bands, not two"


@register("flux_gap", title="Gap of the fluxes", needs=("labels", _two_bands))
def evaluate_flux_gap(context: EvaluationContext) -> Section:
    flux = context.images.sum(axis=(1, 2, 3))
    last = context.labels.max()
    gap = flux[context.labels == last].mean() - flux[context.labels == 0].mean()
    return Section(
        metrics={"gap": float(gap)}, text=["Mean flux of the last class less that of the first."]
    )
