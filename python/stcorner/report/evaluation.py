"""The page of one or several evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.report import _svg
from stcorner.report.page import render_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stcorner.evaluation import Evaluation

__all__ = ["render_evaluation"]


def render_evaluation(evaluations: Sequence[Evaluation], provenance: Mapping[str, str]) -> str:
    """Return the page; models on the same clips are compared with each other."""
    best = max(evaluations, key=lambda each: each.uar)
    low, high = best.interval("uar")
    warnings = [text for each in evaluations for text in each.details.get("warnings", ())]
    return render_page(
        "evaluation.html.j2",
        title="Evaluation" if len(evaluations) > 1 else f"Evaluation of {best.model}",
        verdict=f"{best.model}: {100 * best.uar:.1f} % of emotions recognised on average over classes "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %), protocol {best.protocol}.",
        warnings=list(dict.fromkeys(warnings)),
        scores=[_scores(each) for each in evaluations],
        tests=_tests(evaluations),
        models=[_model(each) for each in evaluations],
        provenance=provenance,
    )


def _scores(each: Evaluation) -> dict[str, Any]:
    calibrated = each.calibrated is not None
    return each.summary() | {"ece": each.ece(calibrated=calibrated) if each.predicted.any() else float("nan")}


def _tests(evaluations: Sequence[Evaluation]) -> list[Any]:
    same = {(each.clip_ids, each.classes, each.y_true) for each in evaluations}
    if len(evaluations) < 2 or len(same) > 1:
        return []
    from stcorner.evaluation import compare_models

    return compare_models(evaluations)


def _model(each: Evaluation) -> dict[str, Any]:
    from markupsafe import Markup

    calibrated = each.calibrated is not None
    page: dict[str, Any] = {
        "name": each.model,
        "confusion": Markup(_svg.confusion_matrix(each.confusion, each.classes)),
        "classes": list(zip(each.per_class, each.recall_intervals().tolist(), strict=True)),
        "actors": each.per_actor,
        "tables": [
            {"caption": f"By {name}", "key": name, "rows": each.per_stratum(name)} for name in each.strata
        ],
        "calibrated": calibrated,
        "reliability": None,
        "abstention": None,
        "ece": float("nan"),
        "further": _further(each),
        "audit": each.details.get("audit", []),
    }
    if each.predicted.any():
        bins = each.reliability(calibrated=calibrated)
        curve = each.abstention(calibrated=calibrated)
        page["ece"] = each.ece(calibrated=calibrated)
        page["reliability"] = Markup(
            _svg.reliability_diagram(
                bins.confidence.tolist(), bins.accuracy.tolist(), bins.count.tolist(), page["ece"]
            )
        )
        page["abstention"] = Markup(
            _svg.line_chart(
                (100 * curve.coverage).tolist(),
                {"WAR": (100 * curve.war).tolist(), "UAR": (100 * curve.uar).tolist()},
                x_label="clips decided, %", y_label="score, %", title="Abstention curve",
            )
        )  # fmt: skip
    return page


def _further(each: Evaluation) -> list[dict[str, Any]]:
    """Figures of what the maker of the evaluation put into its details."""
    from markupsafe import Markup

    figures = []
    history = each.details.get("history")
    if history:
        losses = {name: values for name, values in history.items() if "loss" in name}
        epochs = list(range(1, 1 + len(next(iter(losses.values())))))
        chart = _svg.line_chart(epochs, losses, x_label="epoch", y_label="loss", title="Learning curves")
        caption = "Learning curves of a network (by folds: of the first)."
        figures.append({"svg": Markup(chart), "caption": caption})
    plane = each.details.get("plane")
    if plane:
        chart = _svg.scatter(np.asarray(plane["points"]), plane["labels"], each.classes, title="Fused plane")
        fold = f" of fold {plane['fold']}" if "fold" in plane else ""
        caption = f"Held-out clips{fold} in two fused directions, learned from the training clips."
        figures.append({"svg": Markup(chart), "caption": caption})
    return figures
