"""Probabilities that a block brings, by known logarithms, and the order of features before the network."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import rbf_kernel

from stcorner.classifiers.algebra import rbf
from stcorner.classifiers.fercnn.projection import seriate
from stcorner.classifiers.posterior import PosteriorClassifier
from stcorner.errors import ParameterError

NAMES = ["other", "logp_neutral_mean", "logp_sad_mean", "logp_happy_mean"]


def test_known_shares() -> None:
    X = np.array([[9.0, np.log(0.5), np.log(0.2), np.log(0.3)]])
    model = PosteriorClassifier(names=NAMES).fit(None, ["sad", "happy", "neutral"])
    np.testing.assert_allclose(model.predict_proba(X), [[0.3, 0.5, 0.2]])
    sharp = PosteriorClassifier(names=NAMES, sharpness=2.0).fit(None, ["sad", "happy"])
    np.testing.assert_allclose(sharp.predict_proba(X), [[9 / 13, 4 / 13]])


def test_calm_and_neutral_share_and_the_unknown_gets_the_mean() -> None:
    X = np.array([[9.0, np.log(0.4), np.log(0.1), np.log(0.3)]])
    model = PosteriorClassifier(names=NAMES).fit(None, ["calm", "neutral", "sad", "bored"])
    mean = (0.4 * 0.4 * 0.1) ** (1 / 3)
    expected = np.array([mean, 0.2, 0.2, 0.1])
    np.testing.assert_allclose(model.predict_proba(X), [expected / expected.sum()])
    with pytest.raises(ParameterError, match="names must hold 'logp_LABEL_mean'"):
        PosteriorClassifier(names=NAMES).fit(None, ["bored"])


def test_kernel_is_per_feature(rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((5, 4)), rng.standard_normal((3, 4))
    np.testing.assert_allclose(rbf(a, b, 0.7), rbf_kernel(a, b, gamma=0.7 / 4), rtol=1e-9)


def test_features_that_separate_lie_beside_their_like(rng: np.random.Generator) -> None:
    y = np.arange(60) % 3
    one, two = (y == 0) * 4.0, (y == 1) * 4.0
    noise = rng.standard_normal((60, 6))
    means = [100, 0, -50, 0, 0, 20]  # which have no part in a correlation
    X = (np.stack([one, 0 * one, two, -one, 0 * one, two], axis=1) + 0.5 * noise + means).astype(np.float32)
    chosen, signs = seriate(X, y, 4)
    assert set(chosen.tolist()) == {0, 2, 3, 5}
    assert {frozenset(pair.tolist()) for pair in (chosen[:2], chosen[2:])} == {
        frozenset({0, 3}),
        frozenset({2, 5}),
    }
    turned = dict(zip(chosen.tolist(), signs.tolist(), strict=True))
    assert turned[0] == -turned[3]
    assert turned[2] == turned[5]
    assert signs[0] == 1
