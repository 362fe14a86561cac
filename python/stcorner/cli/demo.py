"""``stcorner demo``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stcorner.evaluation import Evaluation
    from stcorner.extraction import ClipFeatures
    from stcorner.recognizer import EmotionRecognizer

__all__ = ["demo"]


def demo(
    out: Path = Path("stcorner-demo"),
    /,
    *,
    actors: int = 8,
    takes: int = 3,
    cnn: bool = True,
    seed: int = 0,
    jobs: int = -1,
    json: bool = False,
) -> int:
    """Run everything on a corpus drawn for the purpose, in about a minute.

    Parameters
    ----------
    out
        Folder to write to: the corpus, a model, evaluations. An existing corpus is reused.
    actors
        Synthetic actors, 4 to 24.
    takes
        Clips of each actor and emotion.
    cnn
        Train FERCNN, the network of the paper, as well. Needs: pip install 'stcorner[cnn]'.
    seed
        Seed of all random numbers.
    jobs
        Processes; -1 is one per core.
    json
        Print JSON.
    """
    from stcorner._base.text import shown
    from stcorner._base.validation import check_integer
    from stcorner.cli._output import print_json, print_table, progress, say
    from stcorner.corpora import make_corpus

    check_integer("actors", actors, low=4, high=24)
    start = time.perf_counter()
    with progress("drawing clips") as report:
        clips = make_corpus(
            out / "corpus", n_actors=actors, n_takes=takes, seed=seed, n_jobs=jobs, progress=report
        )
    model = _recognizer("both", seed)
    with progress("reading faces and voices") as report:
        features = model.extract(clips, n_jobs=jobs, progress=report)
    rows = [_run(trial, features, out, seed) for trial in _trials(cnn)]
    results = [row for row in rows if row is not None]
    model.fit(features)
    best = next(row for row in results if row["input"] == "sound + face")
    path = _save(model, best, out)
    seconds = time.perf_counter() - start
    if json:
        print_json({"results": results, "model": path, "folder": out, "seconds": seconds})
        return 0
    say(f"{len(clips)} synthetic clips of {actors} actors, {len(model.classes_)} emotions\n")
    print_table(results, columns=["input", "fusion", "classifier", "split", "UAR %", "95 %"])
    say(
        "\nUAR: mean recall of the classes, by chance "
        f"{100 / len(model.classes_):.1f} %. Only a split by actor tells how new people are recognised;\n"
        "the random split is shown to warn of it. Faces and voices are drawn: the numbers say nothing about "
        "real ones.\n"
    )
    say(f"model        {shown(path)}\nevaluations  {shown(out)}/evaluation-*.json")
    say(f"time         {seconds:.0f} s\n")
    say(shown(f"Next: stcorner predict --model {path} {clips[0].path}"))
    return 0


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """One line of the table."""

    key: str
    shown: str
    modality: str = "both"
    fusion: str = "concatenate"
    classifier: str = "discriminant"
    protocol: str = "actor-k4"


def _trials(cnn: bool) -> list[_Trial]:
    trials = [
        _Trial(key="audio", shown="sound", modality="audio"),
        _Trial(key="video", shown="face", modality="video"),
        _Trial(key="both", shown="sound + face"),
        _Trial(key="mfa", shown="sound + face", fusion="mfa"),
        _Trial(key="random", shown="sound + face", protocol="random-k4"),
    ]
    if cnn:
        trials.insert(4, _Trial(key="fercnn", shown="sound + face", classifier="fercnn"))
    return trials


def _recognizer(modality: str, seed: int, **parameters: Any) -> EmotionRecognizer:
    from stcorner.recognizer import EmotionRecognizer

    # One copy of each clip, not the default's several, for the sake of time.
    return EmotionRecognizer(modality, augment="speed", random_state=seed, **parameters)


def _run(trial: _Trial, features: ClipFeatures, out: Path, seed: int) -> dict[str, Any] | None:
    from stcorner._base.files import write_bytes
    from stcorner.cli._output import complain, progress
    from stcorner.errors import MissingExtraError
    from stcorner.evaluation import cross_validate

    # Few epochs: the point is the way, not the network's last percent.
    parameters = {"n_epochs": 40, "patience": 12, "batch_size": 32} if trial.classifier == "fercnn" else None
    model = _recognizer(
        trial.modality, seed, fusion=trial.fusion, classifier=trial.classifier, classifier_params=parameters,
        name=trial.key,
    )  # fmt: skip
    try:
        with progress(f"learning: {trial.key}") as report:
            evaluation = cross_validate(
                features, model, protocol=trial.protocol, calibration_folds=0, sound=False, seed=seed,
                progress=report,
            )  # fmt: skip
    except MissingExtraError as error:
        complain(f"without FERCNN: {error}")
        return None
    write_bytes(out / f"evaluation-{trial.key}.json", evaluation.to_json().encode())
    return _row(trial, evaluation)


def _row(trial: _Trial, evaluation: Evaluation) -> dict[str, Any]:
    low, high = evaluation.interval("uar")
    return {
        "key": trial.key,
        "input": trial.shown,
        "fusion": trial.fusion if trial.modality == "both" else "",
        "classifier": trial.classifier,
        "split": "by actor" if trial.protocol.startswith("actor") else "random",
        "UAR %": f"{100 * evaluation.uar:.1f}",
        "95 %": f"{100 * low:.0f}..{100 * high:.0f}",
        "uar": evaluation.uar,
        "war": evaluation.war,
    }


def _save(model: EmotionRecognizer, result: dict[str, Any], out: Path) -> Path:
    from stcorner.recognizer import save_model

    model.set_params(name="demo")
    return save_model(model, out / "demo.stcorner", scores={"uar": result["uar"], "war": result["war"]})
