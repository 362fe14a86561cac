"""Protocols: members as published, nothing on two sides, refusals."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stcorner
from stcorner.corpora import Clip, load_protocol, protocol_names
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EMOTIONS = ("angry", "calm", "disgust", "fear", "happy", "sad")


def corpus(subjects: Sequence[str], name: str = "ravdess", n_takes: int = 2) -> list[Clip]:
    return [
        Clip(
            path=f"{subject}-{label}-{take}.wav",
            clip_id=f"{subject}-{label}-{take}",
            label=label,
            subject=subject,
            take=f"{subject}-{label}-{take}",
            modality="audio",
            corpus=name,
            sentence="dogs" if take % 2 else "kids",
        )
        for subject in subjects
        for label in EMOTIONS
        for take in range(n_takes)
    ]


RAVDESS = [f"{number:02d}" for number in range(1, 25)]
CREMAD = [str(number) for number in range(1001, 1092)]
STORED = [
    name for name in protocol_names() if (files("stcorner.corpora") / "splits" / f"{name}.toml").is_file()
]


def test_every_name_of_the_package_is_stored_or_a_rule() -> None:
    assert STORED == [
        "cremad-hicmae5",
        "ravdess-16-4-4",
        "ravdess-emobox6",
        "ravdess-hicmae6",
        "ravdess-loao24",
        "ravdess-luna5",
    ]
    assert protocol_names()[len(STORED) :] == [
        "actor-k<n>",
        "actor-loo",
        "random-k<n>",
        "sentence",
        "paper-leaky",
    ]


@pytest.mark.parametrize("name", STORED)
def test_stored_protocols_cover_their_corpus(name: str) -> None:
    protocol = load_protocol(name)
    everyone = CREMAD if "crema-d" in protocol.corpora else RAVDESS
    tested = [subject for fold in protocol.test for subject in fold]
    if len(protocol.test) > 1:
        assert sorted(tested) == everyone
    clips = corpus(everyone, protocol.corpora[0], n_takes=1)
    for fold in stcorner.actor_folds(clips, name):
        sides = [{clips[i].subject for i in side} for side in (fold.train, fold.test, fold.validation)]
        assert not sides[0] & sides[1]
        assert not (sides[0] | sides[1]) & sides[2]
        assert len(fold.train) + len(fold.test) + len(fold.validation) == len(clips)


def test_sizes_as_published() -> None:
    assert [len(fold) for fold in load_protocol("ravdess-luna5").test] == [5, 5, 5, 5, 4]
    assert [len(fold) for fold in load_protocol("ravdess-emobox6").test] == [4] * 6
    assert [len(fold) for fold in load_protocol("ravdess-hicmae6").test] == [4] * 6
    assert [len(fold) for fold in load_protocol("cremad-hicmae5").test] == [18, 18, 18, 18, 19]
    split = load_protocol("ravdess-16-4-4")
    assert (len(split.test[0]), len(split.validation[0])) == (4, 4)
    assert sum(int(subject) % 2 for subject in split.test[0]) == 2


def test_restricted_to_the_subjects_present() -> None:
    clips = corpus(RAVDESS[:20])
    folds = stcorner.actor_folds(clips)
    assert [fold.name for fold in folds] == [f"ravdess-luna5/{i}" for i in range(1, 6)]
    assert {clips[i].subject for i in folds[4].test} == {"01", "04", "09"}
    few = stcorner.actor_folds(corpus(["02", "05", "03"]), "ravdess-luna5")
    assert [fold.name for fold in few] == ["ravdess-luna5/1", "ravdess-luna5/2"]


@settings(max_examples=30, derandomize=True, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=12),
    k=st.integers(2, 6),
    seed=st.integers(0, 5),
)
def test_generic_folds_partition(sizes: list[int], k: int, seed: int) -> None:
    clips = [clip for at, size in enumerate(sizes) for clip in corpus([f"s{at}"], "mine")[:size]]
    if k > len(sizes):
        with pytest.raises(DatasetError, match="needs 2 <= k <= number of subjects"):
            stcorner.actor_folds(clips, f"actor-k{k}", seed=seed)
        return
    folds = stcorner.actor_folds(clips, f"actor-k{k}", seed=seed)
    assert len(folds) == k
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(clips)))
    loads = [len(fold.test) for fold in folds]
    assert max(loads) - min(loads) <= max(sizes)
    for fold in folds:
        assert not {clips[i].group for i in fold.train} & {clips[i].group for i in fold.test}


def test_auto() -> None:
    assert stcorner.actor_folds(corpus(CREMAD, "crema-d", 1))[0].name.startswith("cremad-hicmae5")
    assert len(stcorner.actor_folds(corpus(RAVDESS[:8], "synthetic"))) == 4
    assert len(stcorner.actor_folds(corpus(["a", "b", "c"], "mine"))) == 3
    mixed = corpus(["01"], "mine") + corpus(["01"], "yours")
    assert [fold.name for fold in stcorner.actor_folds(mixed, "actor-loo")] == [
        "actor-loo/mine:01",
        "actor-loo/yours:01",
    ]


def test_sentence_and_random() -> None:
    clips = corpus(["a", "b"], "mine", 4)
    dogs, kids = stcorner.actor_folds(clips, "sentence")
    assert (dogs.name, dogs.separates) == ("sentence/dogs", ("take", "sentence"))
    assert {clips[i].sentence for i in dogs.test} == {"dogs"}
    assert np.array_equal(dogs.train, kids.test)
    doubled = clips + clips  # each take twice: both copies go to the same fold
    for fold in stcorner.actor_folds(doubled, "random-k4"):
        assert not {doubled[i].key for i in fold.train} & {doubled[i].key for i in fold.test}
        counts = [sum(doubled[i].label == label for i in fold.test) for label in EMOTIONS]
        assert max(counts) - min(counts) <= 2
    one = stcorner.actor_folds(clips, "random-k4", seed=1)[0]
    assert np.array_equal(one.test, stcorner.actor_folds(clips, "random-k4", seed=1)[0].test)
    assert not np.array_equal(one.test, stcorner.actor_folds(clips, "random-k4", seed=2)[0].test)


@pytest.mark.parametrize(("name", "n_clips", "n_test"), [("ravdess", 1440, 1080), ("crema-d", 7442, 4466)])
def test_paper_leaky_has_the_papers_sizes(name: str, n_clips: int, n_test: int) -> None:
    clip = corpus(["1"], name, 1)[0]
    (fold,) = stcorner.actor_folds([clip] * n_clips, "paper-leaky")
    assert (len(fold.test), len(fold.train) + len(fold.test), fold.copies) == (n_test, 3 * n_clips, 3)
    assert fold.separates == ()
    tested = set(fold.test % n_clips)
    siblings = len(tested & set(fold.train % n_clips)) / len(tested)
    assert siblings > 0.9


def test_own_protocol_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = 'corpora = ["mine"]\nseparates = ["take", "actor"]\nsource = "me"\ntest = [["a"], ["b", "c"]]\n'
    file.write_text(text)
    folds = stcorner.actor_folds(corpus(["a", "b", "c"], "mine"), file)
    assert [fold.name for fold in folds] == ["mine/1", "mine/2"]
    assert load_protocol(str(file)).source == tomllib.loads(text)["source"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("corpora = [", "must be TOML"),
        ('corpora = ["a"]\n', "must have the keys"),
        ('corpora=["a"]\nseparates=["take"]\nsource="x"\ntest=[["a"]]\nseed=1\n', "must have the keys"),
        ('corpora=["a"]\nseparates=["take"]\nsource="x"\ntest=["a"]\n', "test must be lists of subjects"),
        ('corpora=[]\nseparates=["take"]\nsource="x"\ntest=[["a"]]\n', "must not be empty"),
        ('corpora=["a"]\nseparates=["take"]\nsource="x"\ntest=[["a"],["a"]]\n', "tested in one fold only"),
        (
            'corpora=["a"]\nseparates=["take"]\nsource="x"\ntest=[["a"]]\nvalidation=[["a"]]\n',
            "must not test and validate the same",
        ),
        (
            'corpora=["a"]\nseparates=["take"]\nsource="x"\ntest=[["a"],["b"]]\nvalidation=[["c"]]\n',
            "as many folds as test",
        ),
        ('corpora=["a"]\nseparates=["moon"]\nsource="x"\ntest=[["a"]]\n', "separates must be"),
    ],
)
def test_damaged_protocol_files(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(DatasetError, match=match):
        load_protocol(file)


def test_refusals(tmp_path: Path) -> None:
    clips = corpus(RAVDESS)
    with pytest.raises(ParameterError, match=r"protocol must be a \.toml file or one of auto, cremad"):
        stcorner.actor_folds(clips, "ravdess-luna7")
    with pytest.raises(ParameterError, match="protocol must be"):
        stcorner.actor_folds(clips, tmp_path / "missing.toml")
    with pytest.raises(ParameterError, match="clips must hold at least one clip"):
        stcorner.actor_folds([])
    with pytest.raises(ParameterError, match="seed must be"):
        stcorner.actor_folds(clips, "actor-k5", seed=-1)
    with pytest.raises(DatasetError, match="must get clips of crema-d, got"):
        stcorner.actor_folds(clips, "cremad-hicmae5")
    with pytest.raises(DatasetError, match=r"must name every subject, got clips of 25"):
        stcorner.actor_folds(corpus([*RAVDESS, "25"]), "ravdess-luna5")
    with pytest.raises(DatasetError, match="must get subjects of at least 2"):
        stcorner.actor_folds(corpus(["02", "05"]), "ravdess-luna5")
    with pytest.raises(DatasetError, match="must all have a subject"):
        stcorner.actor_folds(corpus([""], "mine"))
    with pytest.raises(DatasetError, match="at least 2 groups"):
        stcorner.actor_folds(corpus(["a"], "mine"), "actor-loo")
    with pytest.raises(DatasetError, match="number of takes"):
        stcorner.actor_folds(clips[:3], "random-k4")
    lone = [Clip(path="a", clip_id="a", label="sad", subject="a", take="a", modality="audio", corpus="mine")]
    with pytest.raises(DatasetError, match="must all have a sentence"):
        stcorner.actor_folds(lone, "sentence")


@pytest.mark.parametrize(
    ("subjects", "name", "protocol", "reason"),
    [
        (RAVDESS[:4], "ravdess", "actor-loo", "with 4 subjects each is tested alone"),
        (RAVDESS[:6], "mine", "actor-loo", "with 6 subjects each is tested alone"),
        (RAVDESS[:20], "ravdess", "ravdess-luna5", "it is the protocol of RAVDESS"),
        (RAVDESS[:20], "mine", "actor-k4", "20 subjects and no published corpus"),
    ],
)
def test_auto_says_what_it_chose_and_why(subjects: list[str], name: str, protocol: str, reason: str) -> None:
    clips = corpus(subjects, name)
    folds = stcorner.actor_folds(clips)
    assert folds == stcorner.actor_folds(clips, protocol)
    assert (folds.protocol, folds.remark) == (protocol, f"{protocol} was chosen: {reason}")
    assert stcorner.actor_folds(clips, protocol).remark == ""
