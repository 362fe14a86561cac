"""The model card: what a model is for, what it learnt from, how well it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stcorner.corpora.loading import corpus_readers
from stcorner.recognizer.within import NOTICE, transductive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stcorner.recognizer.modelfile import ModelDocument

__all__ = ["model_card"]


def model_card(document: ModelDocument, *, extra: str = "") -> str:
    """Return a model card in Markdown, written from what the model remembers of its training.

    Parameters
    ----------
    document : ModelDocument
        The model.
    extra : str
        Markdown that is put in after the results, such as tables per person and per sex.
    """
    training, parameters = document.training, document.parameters
    readers = corpus_readers()
    terms = [
        readers[corpus].terms if corpus in readers else f"{corpus}: its terms are those of its owner."
        for corpus in training.corpora
    ]
    scores = [f"| {name} | {value:.3f} |" for name, value in sorted(document.scores.items())]
    lines = [
        f"# {transductive(document.name, parameters.get('within'))}",
        "",
        f"Recognises {', '.join(document.classes)} in the "
        f"{_inputs(document.feature_names)} of a clip of one speaking person.",
        "",
        "| | |",
        "|---|---|",
        f"| classifier | {_classifiers(parameters.get('classifier'))} |",
        f"| sound | recipe {parameters.get('recipe')} |",
        f"| fusion | {parameters.get('fusion')} |",
        *([f"| weights | {_pairs(parameters['weights'])} |"] if parameters.get("weights") else []),
        f"| trained on | {training.n_clips} clips of {len(training.subjects)} people |",
        *([f"| within | {NOTICE} |"] if parameters.get("within") else []),
        f"| written by | stcorner {document.stcorner_version} |",
        "",
        "## Data and terms",
        "",
        *(f"* {line}" for line in terms),
        *([_MEL] if any(part.kind == "mel_cnn" for part in document.parts.values()) else []),
        *([_EXPRESSION] if "expression" in document.feature_names else []),
        "* The code is MIT. A model may carry the terms of the data that it learnt from.",
        "",
        "## Results on people it did not learn from",
        "",
        *(["| measure | value |", "|---|---|", *scores] if scores else ["None are recorded in this file."]),
        *(["", extra.strip()] if extra.strip() else []),
        "",
        *_silence(document),
        "## Intended use",
        "",
        "Research and teaching: a baseline that can be inspected, a pointer to moments to look at.",
        "",
        "## Not intended",
        "",
        "* Decisions about people. The label of an acted corpus is the emotion that was acted; recognising it"
        " does not tell what somebody feels.",
        "* Inferring emotions at work or in education, which Article 5(1)(f) of the EU AI Act forbids but for"
        " medical and safety reasons.",
        "* Languages, ages, recording conditions and spontaneous speech that the data above do not hold:"
        " expect results far below those above.",
        "",
    ]
    return "\n".join(lines)


_ANYWHERE = 1e6  # distances above it bound nothing


def _silence(document: ModelDocument) -> list[str]:
    """Return when a model that listens gives no label."""
    if not {"audio", "mel"} & document.feature_names.keys():
        return []
    limits = [part.state["farthest"] for part in document.parts.values() if "farthest" in part.state]
    level = document.parameters.get("abstain_below") or 0.0
    far = next((f"{limit:.2f}" for limit in limits if limit < _ANYWHERE), "")
    unfamiliar = f"* The sound is unfamiliar: its mean squared standardised feature exceeds {far}, as that of"
    return [
        "## When it gives no label by the voice",
        "",
        "* Nobody is heard to speak: silence, noise, music, or less than 0.3 s of voice (`speech_presence`).",
        *([f"{unfamiliar} one in a thousand held-out training clips did."] if far else []),
        f"* A best probability below {level:g} is flagged in the column `abstain`; the label stays.",
        "",
    ]


def _inputs(blocks: Iterable[str]) -> str:
    """Return what of a clip the blocks look at."""
    named = [_INPUT.get(block, f"block {block!r}") for block in blocks]
    return " and ".join(dict.fromkeys(named))


def _classifiers(given: Any) -> str:
    return _pairs(given) if isinstance(given, dict) else str(given)


def _pairs(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{block}: {value}" for block, value in given.items())


_INPUT = {"audio": "voice", "mel": "voice", "video": "face", "texture": "face", "expression": "face"}
_MEL = (
    "* A convolutional network (`MelCNNClassifier`) learnt beside, from spectrograms of the same clips, in"
    " noise that was drawn anew in every step."
)
_EXPRESSION = (
    "* Its face half is the network `face_expressions`, trained on FER2013 (research use); its card stands"
    " beside this one. The network knows no calm face: *calm* and *neutral* share its evidence, and the voice"
    " tells them apart."
)
