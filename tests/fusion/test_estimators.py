"""MarginalFisherAnalysis and ModalityFusion: oracle, missing modalities, state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from oracles import fusion as oracle
from stcorner.fusion import MarginalFisherAnalysis, ModalityFusion
from stcorner.recognizer.fused import FusedSpace

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ["class_pairs", "global_pairs", "sample_neighbors"]


def blobs(
    rng: np.random.Generator, n: int = 60, d: int = 7, classes: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    y = rng.integers(0, classes, n)
    return rng.standard_normal((n, d)) * np.linspace(3, 0.5, d) + y[:, None] * np.linspace(0, 1.5, d), y


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("variance", "shrinkage"), [(1.0, 1e-3), (0.9, 0.3)])
def test_equal_to_the_dense_oracle(
    rng: np.random.Generator, kind: str, variance: float, shrinkage: float
) -> None:
    X, y = blobs(rng)
    mean, components, ratios = oracle.mfa(
        X, y, k1=4, k2=15, kind=kind, variance=variance, shrinkage=shrinkage
    )
    mfa = MarginalFisherAnalysis(
        n_neighbors=4, n_pairs=15, penalty=kind, pca_variance=variance, shrinkage=shrinkage
    ).fit(X, y)
    np.testing.assert_allclose(mfa.mean_, mean, rtol=1e-12)
    np.testing.assert_allclose(mfa.ratios_, ratios, rtol=1e-8)
    np.testing.assert_allclose(mfa.components_, components, rtol=1e-6, atol=1e-8)
    assert (np.diff(mfa.ratios_) >= 0).all()


def test_fewer_rows_than_columns(rng: np.random.Generator) -> None:
    X, y = blobs(rng, n=30, d=80)
    _, components, ratios = oracle.mfa(X, y, k1=3, k2=9, kind="class_pairs", variance=0.95, shrinkage=0.1)
    mfa = MarginalFisherAnalysis(n_neighbors=3, n_pairs=9, pca_variance=0.95, shrinkage=0.1).fit(X, y)
    kept = len(mfa.ratios_)  # fewer pairs than dimensions: the rest has no penalty at all
    assert kept < len(ratios)
    np.testing.assert_allclose(mfa.ratios_, ratios[:kept], rtol=1e-8)
    np.testing.assert_allclose(mfa.components_, components[:kept], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_invariant_to_row_order_and_label_names(rng: np.random.Generator, kind: str) -> None:
    X, y = blobs(rng)
    order = rng.permutation(len(X))
    names = np.array(["sad", "angry", "calm"])
    base = MarginalFisherAnalysis(3, n_pairs=12, penalty=kind).fit(X, y)
    other = MarginalFisherAnalysis(3, n_pairs=12, penalty=kind).fit(X[order], names[y[order]])
    np.testing.assert_allclose(other.components_, base.components_, rtol=1e-7, atol=1e-10)
    assert other.classes_.tolist() == ["angry", "calm", "sad"]


def test_n_components_by_number_and_by_ratio(rng: np.random.Generator) -> None:
    X, y = blobs(rng)
    full = MarginalFisherAnalysis(pca_variance=1.0).fit(X, y)
    assert full.components_.shape == (7, 7)
    assert MarginalFisherAnalysis(99, pca_variance=1.0).fit(X, y).components_.shape == (7, 7)
    value = 1 / full.ratios_
    some = MarginalFisherAnalysis(0.8, pca_variance=1.0).fit(X, y)
    kept = len(some.components_)
    assert value[:kept].sum() >= 0.8 * value.sum() > value[: kept - 1].sum()
    np.testing.assert_array_equal(some.components_, full.components_[:kept])


def test_inverse_gives_the_principal_components_part(rng: np.random.Generator) -> None:
    X, y = blobs(rng)
    mfa = MarginalFisherAnalysis(pca_variance=1.0).fit(X, y)
    np.testing.assert_allclose(mfa.inverse_transform(mfa.transform(X)), X, atol=1e-8)
    short = MarginalFisherAnalysis(2, pca_variance=0.9).fit(X, y)
    fused = short.transform(X)
    np.testing.assert_allclose(short.transform(short.inverse_transform(fused)), fused, atol=1e-10)
    with pytest.raises(ValueError, match=r"X must have shape \(n, 2\), got \(60, 3\)"):
        short.inverse_transform(np.zeros((60, 3)))


def test_degenerate_data() -> None:
    one_each = MarginalFisherAnalysis(pca_variance=1.0).fit(np.eye(3), [0, 1, 2])
    assert np.isfinite(one_each.transform(np.eye(3))).all()
    same = MarginalFisherAnalysis().fit(np.ones((6, 4)), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(same.transform(np.ones((2, 4))), 0)
    twice = np.repeat(np.arange(8.0).reshape(4, 2), 3, axis=0)
    fit = MarginalFisherAnalysis(n_neighbors=2, pca_variance=1.0).fit(twice, np.repeat([0, 0, 1, 1], 3))
    assert np.isfinite(fit.components_).all()
    with pytest.raises(ValueError, match="y must have at least 2 classes, got 1"):
        MarginalFisherAnalysis().fit(np.arange(8.0).reshape(4, 2), [1, 1, 1, 1])
    with pytest.raises(ValueError, match="X must have squares within float64's range"):
        MarginalFisherAnalysis().fit(1e200 * np.arange(8.0).reshape(4, 2), [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, r"n_components must be >= 1, got 0"),
        ({"n_components": 1.5}, r"n_components must be finite and > 0 and < 1, got 1\.5"),
        ({"n_neighbors": 0}, r"n_neighbors must be >= 1, got 0"),
        ({"n_pairs": 2.5}, r"n_pairs must be an integer, got 2\.5"),
        ({"penalty": "nearest"}, r"penalty must be one of 'class_pairs', .*, got 'nearest'"),
        ({"pca_variance": 0.0}, r"pca_variance must be finite and > 0 and <= 1, got 0\.0"),
        ({"shrinkage": -1.0}, r"shrinkage must be finite and >= 0, got -1\.0"),
        ({"n_threads": 0}, r"n_threads .* got 0"),
    ],
)
def test_bad_parameters(rng: np.random.Generator, parameters: dict[str, Any], message: str) -> None:
    X, y = blobs(rng)
    with pytest.raises(ValueError, match=message):
        MarginalFisherAnalysis(**parameters).fit(X, y)


def test_pandas_in_and_out(rng: np.random.Generator) -> None:
    X, y = blobs(rng)
    table = pd.DataFrame(X, columns=[f"f{i}" for i in range(7)], index=range(100, 160))
    mfa = MarginalFisherAnalysis(2).set_output(transform="pandas").fit(table, y)
    out = mfa.transform(table)
    assert list(out.columns) == ["marginalfisheranalysis0", "marginalfisheranalysis1"]
    assert out.index[0] == 100
    assert mfa.feature_names_in_.tolist() == list(table.columns)


METHODS = ["concatenate", "mfa", "mfa_per_modality", "cca", "lda"]


def two_blocks(rng: np.random.Generator, n: int = 90) -> tuple[list[np.ndarray], np.ndarray]:
    y = rng.integers(0, 3, n)
    audio = rng.standard_normal((n, 8)) * 5 + y[:, None]
    video = rng.standard_normal((n, 4)) + audio[:, :4] / 9 + y[:, None] * 0.5 + 1e3
    return [audio, video], y


@pytest.mark.parametrize("method", METHODS)
def test_methods_shapes_and_state(rng: np.random.Generator, method: str) -> None:
    blocks, y = two_blocks(rng)
    fusion = ModalityFusion(method, n_components=3, n_neighbors=5, n_pairs=9).fit(blocks, y)
    fused = fusion.transform(blocks)
    width = {"concatenate": 12, "mfa": 3, "mfa_per_modality": 6, "cca": 6, "lda": 2}[method]
    assert fused.shape == (90, width) == (90, len(fusion.get_feature_names_out()))
    meta, arrays = fusion.get_state()
    again = FusedSpace(json.loads(json.dumps(meta)), arrays)
    np.testing.assert_array_equal(again.transform(blocks), fused)


@pytest.mark.parametrize("method", METHODS)
def test_missing_modality_is_fused_from_the_rest(rng: np.random.Generator, method: str) -> None:
    blocks, y = two_blocks(rng)
    blocks[1][::9] = np.nan
    fusion = ModalityFusion(method, n_components=3, n_neighbors=5, n_pairs=9).fit(blocks, y)
    fused = fusion.transform(blocks)
    assert np.isfinite(fused).all()
    np.testing.assert_array_equal(fusion.present(blocks)[:, 1], np.arange(90) % 9 != 0)
    # The gap stands at the mean of its block.
    filled = [blocks[0], np.where(np.isnan(blocks[1]), np.nanmean(blocks[1], axis=0), blocks[1])]
    np.testing.assert_allclose(fusion.transform(filled), fused, atol=1e-9)


def test_weights(rng: np.random.Generator) -> None:
    blocks, _ = two_blocks(rng)
    assert ModalityFusion().fit(blocks).weights_ == pytest.approx([1.0, 2**0.25])
    heavy = ModalityFusion(weights=[1.0, 3.0]).fit(blocks).transform(blocks)
    np.testing.assert_allclose(heavy[:, 8:].std(axis=0), 3.0, rtol=0.02)
    with pytest.raises(ValueError, match=r"weights must have one entry per block \(2\), got 3"):
        ModalityFusion(weights=[1, 2, 3]).fit(blocks)
    with pytest.raises(ValueError, match=r"weights must be finite and > 0, got 0"):
        ModalityFusion(weights=[1, 0]).fit(blocks)


def test_cca_finds_the_shared_direction(rng: np.random.Generator) -> None:
    shared = rng.standard_normal(400)
    A, B = rng.standard_normal((400, 3)), rng.standard_normal((400, 5))
    A[:, 1] += 4 * shared
    B[:, 2] -= 4 * shared
    fused = ModalityFusion("cca", n_components=1, shrinkage=0.01).fit([A, B]).transform([A, B])
    assert np.corrcoef(fused.T)[0, 1] > 0.9


def test_lda_equals_scikit_learn_directions(rng: np.random.Generator) -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    blocks, _ = two_blocks(rng)
    y = np.arange(90) % 3  # equal class sizes: scikit-learn weights classes by their size
    Z = ModalityFusion().fit_transform(blocks)
    ours = ModalityFusion("lda", shrinkage=0.0).fit(blocks, y).transform(blocks)
    peer = LinearDiscriminantAnalysis(solver="eigen").fit(Z, y).transform(Z)
    for i in range(2):
        assert abs(np.corrcoef(ours[:, i], peer[:, i])[0, 1]) > 1 - 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: [b[0], b[1][:-1]], r"blocks of equal length, got \[90, 89\] rows"),
        (lambda b: [b[0], b[1][:, 0]], r"X\[1\] must have 2 dimensions, got 1"),
        (lambda b: [b[0], np.where(b[1] > 1e3, np.nan, b[1])], r"X\[1\] must be NaN in all columns of a row"),
        (lambda b: [b[0], np.full_like(b[1], np.inf)], r"X\[1\] must not hold infinite values"),
        (lambda b: [b[0] * np.nan, b[1] * np.nan], r"at least one modality in each row, got none in row 0"),
        (lambda b: [b[0], b[1] * np.nan], r"X\[1\] must have at least one row that is not NaN"),
        (lambda b: [b[0], np.zeros((90, 0))], r"X\[1\] must not be empty"),
    ],
)
def test_bad_blocks(rng: np.random.Generator, change: Callable[..., Any], message: str) -> None:
    blocks, y = two_blocks(rng)
    with pytest.raises(ValueError, match=message):
        ModalityFusion().fit(change(blocks), y)


def test_refusals_of_modality_fusion(rng: np.random.Generator) -> None:
    blocks, y = two_blocks(rng)
    with pytest.raises(ValueError, match=r"method must be one of 'concatenate', .*, got 'sum'"):
        ModalityFusion("sum").fit(blocks, y)
    with pytest.raises(ValueError, match="y must be given for method 'lda', got None"):
        ModalityFusion("lda").fit(blocks)
    with pytest.raises(ValueError, match="X must have 2 blocks for method 'cca', got 3"):
        ModalityFusion("cca").fit([*blocks, blocks[0]])
    with pytest.raises(ValueError, match=r"shrinkage must be .* <= 1, got 1\.5"):
        ModalityFusion("cca", shrinkage=1.5).fit(blocks)
    ModalityFusion("mfa", shrinkage=1.5).fit(blocks, y)
    with pytest.raises(ValueError, match=r"X must have \[8, 4\] columns per block, got \[4, 8\]"):
        ModalityFusion().fit(blocks).transform(blocks[::-1])
    apart = [np.where(np.arange(90)[:, None] < 45, b, np.nan) if i else b for i, b in enumerate(blocks)]
    apart[0] = np.where(np.arange(90)[:, None] < 45, np.nan, apart[0])
    with pytest.raises(ValueError, match="at least one row with all modalities for method 'mfa'"):
        ModalityFusion("mfa").fit(apart, y)
