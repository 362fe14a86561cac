"""``stcorner audit``."""

from __future__ import annotations

from pathlib import Path

from stcorner.cli._options import CorpusOptions

__all__ = ["audit"]

_SOURCE = CorpusOptions()


def audit(
    train: Path,
    test: Path | None = None,
    /,
    *,
    protocol: str = "auto",
    sound: bool = True,
    source: CorpusOptions = _SOURCE,
    jobs: int = -1,
    json: bool = False,
) -> int:
    """Find leaks: what training and test clips share.

    Parameters
    ----------
    train
        Corpus to train on, or with no second corpus the one that a protocol splits.
    test
        Corpus to test on.
    protocol
        Protocol whose folds to check, if you give one corpus.
    sound
        Compare the sound of all clips as well: the same recording under another name.
    jobs
        Files read side by side; -1 is one per core.
    json
        Print JSON.
    """
    from stcorner._base.text import shown
    from stcorner.cli._corpus import report_skipped
    from stcorner.cli._output import print_json, say
    from stcorner.corpora import actor_folds, audit_folds, audit_leakage

    clips = source.load(train)
    report_skipped(clips)
    if test is not None:
        others = source.load(test)
        report_skipped(others)
        reports = {f"{train} | {test}": audit_leakage(clips, others, sound=sound, n_jobs=jobs)}
    else:
        folds = actor_folds(clips, protocol)
        names = [fold.name for fold in folds]
        reports = dict(zip(names, audit_folds(clips, folds, sound=sound, n_jobs=jobs), strict=True))
    if json:
        print_json({name: {"ok": r.ok, "counts": r.counts, "text": str(r)} for name, r in reports.items()})
    else:
        for name, report in reports.items():
            say(f"{shown(name)}: {report}")
    return 0 if all(report.ok for report in reports.values()) else 1
