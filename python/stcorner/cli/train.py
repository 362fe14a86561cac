"""``stcorner train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stcorner.cli._options import CorpusOptions, RecognizerOptions

__all__ = ["train"]

_DEFAULTS, _SOURCE = RecognizerOptions(), CorpusOptions()


def train(
    corpus: Path | None = None,
    /,
    *,
    features: Path | None = None,
    output: Annotated[Path, Parameter(alias="-o")],
    options: RecognizerOptions = _DEFAULTS,
    source: CorpusOptions = _SOURCE,
    name: str | None = None,
    any_labels: bool = False,
    jobs: int = -1,
    json: bool = False,
) -> int:
    """Train a model on a corpus and write it to a file.

    Parameters
    ----------
    corpus
        Folder of a published corpus (RAVDESS, CREMA-D, EMO-DB, ...), of one sub-folder per emotion, or a CSV
        file.
    features
        Train on this table of extract instead of a corpus.
    output
        Model file to write, NAME.stcorner.
    name
        Name of the model. Default: that of the file.
    any_labels
        Go on where labels look like participants.
    jobs
        Processes that read the clips; -1 is one per core.
    json
        Print a summary as JSON.
    """
    from stcorner._base.text import shown
    from stcorner.cli._corpus import features_of, read_clips, report_failures
    from stcorner.cli._output import print_json, say
    from stcorner.errors import ParameterError
    from stcorner.recognizer.registry import describe

    if output.suffix != ".stcorner":
        raise ParameterError(f"--output must end in .stcorner, got {str(output)!r}")
    model = options.recognizer(name=name or output.stem)
    clips = read_clips(corpus, features, options, source, any_labels=any_labels)
    table = features_of(clips, model, jobs)
    model.fit(table)
    path = model.save(output)
    if json:
        print_json({**describe(path), "failed": [vars(error) for error in table.errors]})
    else:
        training = model.training_
        say(
            f"trained on {training.n_clips} clips of {len(training.subjects)} people "
            f"({training.n_rows} rows), labels: {', '.join(map(shown, model.classes_))}"
        )
        say(f"model: {shown(path)} ({path.stat().st_size / 1e6:.1f} MB)")
    return report_failures(table)
