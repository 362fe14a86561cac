"""``stcorner train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stcorner.cli._options import CorpusOptions, RecognizerOptions

__all__ = ["train"]

_DEFAULTS, _SOURCE = RecognizerOptions(), CorpusOptions()


def train(
    corpus: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    options: RecognizerOptions = _DEFAULTS,
    source: CorpusOptions = _SOURCE,
    name: str | None = None,
    jobs: int = -1,
    json: bool = False,
) -> int:
    """Train a recogniser on a corpus and write it to a file.

    Parameters
    ----------
    corpus
        Folder of a published corpus (RAVDESS, CREMA-D, EMO-DB, ...), of one sub-folder per emotion, or a CSV
        file.
    output
        Model file to write, NAME.stcorner.
    name
        Name of the model. Default: that of the file.
    jobs
        Processes that read the clips; -1 is one per core.
    json
        Print a summary as JSON.
    """
    from stcorner.cli._corpus import read_corpus, report_failures, report_skipped
    from stcorner.cli._output import print_json, progress
    from stcorner.errors import ParameterError
    from stcorner.recognizer.registry import describe

    if output.suffix != ".stcorner":
        raise ParameterError(f"--output must end in .stcorner, got {str(output)!r}")
    clips = read_corpus(corpus, modality=options.modality, source=source, label_map=options.label_map)
    report_skipped(clips)
    model = options.recognizer(name=name or output.stem)
    with progress(f"reading {len(clips)} clips") as report:
        features = model.extract(clips, n_jobs=jobs, progress=report)
    model.fit_clips(clips, features)
    path = model.save(output)
    if json:
        print_json({**describe(path), "failed": [vars(error) for error in features.errors]})
    else:
        training = model.training_
        print(
            f"trained on {training.n_clips} clips of {len(training.subjects)} people "
            f"({training.n_rows} rows), labels: {', '.join(model.classes_)}"
        )
        print(f"model: {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return report_failures(features)
