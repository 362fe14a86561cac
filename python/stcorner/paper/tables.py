"""The paper's Tables II to VII beside our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stcorner.paper.experiment import MODALITIES, PROTOCOLS
from stcorner.paper.printed import DIFFERENCES, EARLIER_WORK, EMOTIONS, MACRO, SUMMARY, WEIGHTED

if TYPE_CHECKING:
    from stcorner.paper.experiment import PaperResult, PaperRun

    Table = tuple[str, list[dict[str, Any]]]

__all__ = ["WARNING", "notes", "tables"]

WARNING = (
    "The columns 'leaky' measure memory, not recognition: siblings of nearly every test row were trained on. "
    "The columns 'actors' are what a new speaker meets."
)


def tables(result: PaperResult) -> list[Table]:
    """Return titles and rows of the six tables; what was not run is None.

    Parameters
    ----------
    result : PaperResult
        As `reproduce_paper` returns it.
    """
    made = [_summary(result)]
    for number, modality in zip(("III", "IV", "V"), MODALITIES, strict=True):
        made.append(_emotions(result, modality, number))
    return [*made, _averages(result), _earlier(result)]


def notes(result: PaperResult) -> list[str]:
    """Return what must be read with the tables: the warning, the gap, the differences."""
    lines = [WARNING]
    for modality in MODALITIES:
        leaky, actors = (result.run(modality, protocol) for protocol in PROTOCOLS)
        if leaky is not None and actors is not None:
            lines.append(
                f"{modality}: {100 * leaky.test_accuracy:.1f} % under the leak ({100 * leaky.leaked:.1f} % "
                "of the test rows have a sibling in training), "
                f"{100 * actors.test_accuracy:.1f} % on new actors, "
                f"{100 * (leaky.test_accuracy - actors.test_accuracy):.1f} points less; "
                f"the paper prints {SUMMARY[result.corpus][modality][1]:.2f} %."
            )
    return [*lines, *DIFFERENCES, *(f"not read or not run: {line}" for line in result.failed)]


def _percent(run: PaperRun | None, name: str) -> float | None:
    return None if run is None else 100 * float(getattr(run, name))


def _summary(result: PaperResult) -> Table:
    rows = []
    for modality in MODALITIES:
        train, test, train_loss, test_loss = SUMMARY[result.corpus][modality]
        leaky, actors = (result.run(modality, protocol) for protocol in PROTOCOLS)
        rows.append(
            {
                "data": modality,
                "train paper": train, "train leaky": _percent(leaky, "train_accuracy"),
                "train actors": _percent(actors, "train_accuracy"),
                "test paper": test, "test leaky": _percent(leaky, "test_accuracy"),
                "test actors": _percent(actors, "test_accuracy"), "UAR actors": _percent(actors, "uar"),
                "loss paper": test_loss, "loss leaky": None if leaky is None else leaky.test_loss,
                "loss actors": None if actors is None else actors.test_loss,
                "train loss paper": train_loss,
                "train loss leaky": None if leaky is None else leaky.train_loss,
            }
        )  # fmt: skip
    return "Table II. Accuracy (%) and loss", rows


def _emotions(result: PaperResult, modality: str, number: str) -> Table:
    runs = {protocol: result.run(modality, protocol) for protocol in PROTOCOLS}
    printed = EMOTIONS[result.corpus][modality]
    labels = sorted(set(printed).union(*(run.emotions for run in runs.values() if run is not None)))
    rows = []
    for label in labels:
        sources: dict[str, Any] = {"paper": printed.get(label)}
        for protocol, run in runs.items():
            sources[protocol.removeprefix("paper-")] = None if run is None else run.emotions.get(label)
        row: dict[str, Any] = {"emotion": label}
        for place, measure in enumerate(("precision", "recall", "f1", "support")):
            for source, values in sources.items():
                row[f"{measure} {source}"] = None if values is None else values[place]
        rows.append(row)
    return f"Table {number}. Emotions, {modality}", rows


def _averages(result: PaperResult) -> Table:
    rows = []
    for kind, printed in (("macro", MACRO), ("weighted", WEIGHTED)):
        for modality in MODALITIES:
            row: dict[str, Any] = {"average": kind, "data": modality}
            leaky, actors = (result.run(modality, protocol) for protocol in PROTOCOLS)
            for place, measure in enumerate(("precision", "recall", "f1")):
                row[f"{measure} paper"] = printed[result.corpus][modality][place]
                row[f"{measure} leaky"] = None if leaky is None else getattr(leaky, kind)[place]
                row[f"{measure} actors"] = None if actors is None else getattr(actors, kind)[place]
            row["support paper"] = printed[result.corpus][modality][3]
            row["support leaky"] = None if leaky is None else leaky.n_test
            rows.append(row)
    return "Table VI. Averages over emotions", rows


def _earlier(result: PaperResult) -> Table:
    rows: list[dict[str, Any]] = [
        {"work": work, "accuracy": value} for work, value in EARLIER_WORK[result.corpus]
    ]
    rows.append({"work": "the paper, both", "accuracy": SUMMARY[result.corpus]["both"][1]})
    for modality in MODALITIES:
        for protocol in PROTOCOLS:
            run = result.run(modality, protocol)
            if run is not None:
                rows.append(
                    {"work": f"stcorner FERCNN, {modality}, {protocol}", "accuracy": 100 * run.test_accuracy}
                )
    return "Table VII. Earlier work as the paper quotes it (%), on splits of its own", rows
