"""``stcorner evaluate``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stcorner.cli._options import CorpusOptions, RecognizerOptions

if TYPE_CHECKING:
    from stcorner.corpora import Fold
    from stcorner.extraction import ClipFeatures

__all__ = ["evaluate"]

_DEFAULTS, _SOURCE = RecognizerOptions(), CorpusOptions()


def evaluate(
    corpus: Path | None = None,
    /,
    *,
    features: Path | None = None,
    protocol: str = "auto",
    options: RecognizerOptions = _DEFAULTS,
    source: CorpusOptions = _SOURCE,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    allow_leaks: bool = False,
    name: str | None = None,
    any_labels: bool = False,
    jobs: int = -1,
    json: bool = False,
) -> int:
    """Score a model on people it was not trained on, by cross-validation.

    Parameters
    ----------
    corpus
        Folder of a published corpus (RAVDESS, CREMA-D, EMO-DB, ...), of one sub-folder per emotion, or a CSV
        file.
    features
        Evaluate on this table of extract instead of a corpus.
    protocol
        Folds by name, such as ravdess-luna5, actor-k5, actor-loo; auto picks by corpus.
    output
        Write the evaluation to this .json file.
    name
        What the model is called in tables and reports. Default: its blocks, fusion and classifier.
    any_labels
        Go on where labels look like participants.
    allow_leaks
        Evaluate although training and test clips share what the protocol keeps apart.
    jobs
        Processes that read the clips; -1 is one per core.
    json
        Print the evaluation as JSON.
    """
    from stcorner._base.files import write_bytes
    from stcorner._base.tables import check_table_path
    from stcorner._base.text import json_safe
    from stcorner.cli._corpus import features_of, read_clips, report_failures
    from stcorner.cli._output import console, note, progress, say
    from stcorner.corpora import actor_folds
    from stcorner.errors import ParameterError
    from stcorner.evaluation import cross_validate, evaluation_tables
    from stcorner.extraction import ClipFeatures

    check_table_path("--output", output)  # before hours of work; and never over the corpus's own CSV file
    if output is not None and output.suffix.lower() != ".json":
        raise ParameterError(f"--output must end in .json, got {str(output)!r}")
    model = options.recognizer(**({} if name is None else {"name": name}))
    clips = read_clips(corpus, features, options, source, any_labels=any_labels)
    known = clips.clips if isinstance(clips, ClipFeatures) else clips
    # Refuses what cannot be split before anything is read.
    folds = actor_folds(known, protocol, seed=options.seed)
    if folds.remark:
        note(folds.remark)
    table = features_of(clips, model, jobs)
    with progress("learning and predicting") as report:
        evaluation = cross_validate(
            table, model, protocol=protocol, sound=features is None, allow_leaks=allow_leaks, n_jobs=jobs,
            seed=options.seed, progress=report,
        )  # fmt: skip
    plane = _plane(table, folds[0], options)
    if plane is not None:
        evaluation = replace(evaluation, details={**evaluation.details, "plane": plane})
    text = evaluation.to_json()
    if output is not None:
        write_bytes(output, text.encode())
        note(f"wrote the evaluation of {len(evaluation.y_true)} clips to {output}")
    if json:
        say(json_safe(text))
    else:
        for part in evaluation_tables(evaluation):
            console().print(part)
    return report_failures(table)


def _plane(features: ClipFeatures, fold: Fold, options: RecognizerOptions) -> dict[str, Any] | None:
    """Return the held-out clips of the first fold in two fused directions, for the report."""
    from stcorner.cli._corpus import held_out_plane
    from stcorner.cli._output import complain
    from stcorner.errors import StcornerError

    if fold.copies > 1:  # rows of altered versions, not clips
        return None
    try:
        found = held_out_plane(features, fold, fusion="lda" if options.fusion == "lda" else "mfa")
    except StcornerError as error:
        complain(f"no fused plane: {error}")
        return None
    if found is None:
        return None
    test = found["held_out"]
    labels = [label for label, strong in zip(found["labels"], test, strict=True) if strong]
    return {"fold": found["fold"], "points": found["points"][test].round(4).tolist(), "labels": labels}
