"""``stcorner evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stcorner.cli._options import RecognizerOptions

__all__ = ["evaluate"]

_DEFAULTS = RecognizerOptions()


def evaluate(
    corpus: Path,
    /,
    *,
    protocol: str = "auto",
    options: RecognizerOptions = _DEFAULTS,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    allow_leaks: bool = False,
    jobs: int = -1,
    json: bool = False,
) -> int:
    """Cross-validate a recogniser on a corpus, by default on people that it did not learn from.

    Parameters
    ----------
    corpus
        Folder of RAVDESS, CREMA-D, of one sub-folder per emotion, or a CSV file.
    protocol
        Folds by name, such as ravdess-luna5, actor-k5, actor-loo; auto picks by corpus.
    output
        Write the evaluation to this .json file.
    allow_leaks
        Go on where training and test clips share what the protocol promises to keep apart.
    jobs
        Processes that read the clips; -1 is one per core.
    json
        Print the evaluation as JSON.
    """
    from stcorner._files import write_bytes
    from stcorner.cli._corpus import read_corpus, report_failures, report_skipped
    from stcorner.cli._output import console, progress
    from stcorner.evaluation import cross_validate, evaluation_tables

    clips = read_corpus(corpus, modality=options.modality, label_map=options.label_map)
    report_skipped(clips)
    model = options.recognizer()
    with progress(f"reading {len(clips)} clips") as report:
        features = model.extract(clips, n_jobs=jobs, progress=report)
    with progress("learning and predicting") as report:
        evaluation = cross_validate(
            clips, model, protocol=protocol, features=features, allow_leaks=allow_leaks, n_jobs=jobs,
            seed=options.seed, progress=report,
        )  # fmt: skip
    text = evaluation.to_json()
    if output is not None:
        write_bytes(output, text.encode())
    if json:
        print(text)
    else:
        for part in evaluation_tables(evaluation):
            console().print(part)
    return report_failures(features)
