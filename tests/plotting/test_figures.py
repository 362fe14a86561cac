"""What figures show: values are read back from what was drawn."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from stcorner._base.palette import PALETTE, class_colours
from stcorner.errors import MissingExtraError, ParameterError
from stcorner.evaluation import Evaluation

matplotlib = pytest.importorskip("matplotlib", reason="figures need stcorner[plot]")

from matplotlib.colors import to_hex  # noqa: E402
from matplotlib.patches import Circle  # noqa: E402

from stcorner import plotting  # noqa: E402
from stcorner.plotting.style import THEMES  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ["angry", "happy", "sad"]


@pytest.fixture
def evaluation(rng: np.random.Generator) -> stcorner.Evaluation:
    return make_evaluation(rng, "one")


def make_evaluation(
    rng: np.random.Generator, model: str, *, skill: float = 1.5, n: int = 90, calibrated: bool = True
) -> stcorner.Evaluation:
    codes = np.arange(n) % 3
    scores = rng.normal(size=(n, 3)) + skill * np.eye(3)[codes]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    flat = np.sqrt(p) / np.sqrt(p).sum(axis=1, keepdims=True)
    return Evaluation(
        model=model, protocol="actor-k5", classes=CLASSES, clip_ids=[f"c{i}" for i in range(n)],
        y_true=[CLASSES[k] for k in codes], groups=[f"a{i // 15}" for i in range(n)],
        folds=[str(i // 30) for i in range(n)], probabilities=p, calibrated=flat if calibrated else None,
    )  # fmt: skip


@pytest.fixture
def blink() -> np.ndarray:
    video = np.full((25, 33, 33), 20, np.uint8)
    video[11:14, 15:18, 15:18] = 255
    return video


# ---- clips


def test_corners_show_the_response_of_each_frame(blink: np.ndarray) -> None:
    stips = stcorner.detect_stips(blink, sigmas=2.0, taus=1.5)
    figure = plotting.plot_corners(blink, stips, n_frames=2, fps=25.0)
    *frames, trace = figure.axes
    response = stcorner.corner_harris_3d(blink, sigma=2.0, tau=1.5)
    top = max(response.max(), stips.response.max())
    np.testing.assert_allclose(
        trace.lines[0].get_ydata(), np.maximum(response.max(axis=(1, 2)), 0) / top, atol=1e-6
    )
    np.testing.assert_allclose(trace.lines[0].get_xdata(), np.arange(25) / 25)
    dots = trace.collections[0].get_offsets()
    np.testing.assert_allclose(dots[:, 0], stips.coordinates[:, 0] / 25)
    np.testing.assert_allclose(dots[:, 1], stips.response / top, rtol=1e-6)
    assert trace.get_xlabel() == "time, s"
    assert len(frames) == 2
    for axes in frames:
        index = round(float(axes.get_title(loc="left").removesuffix(" s")) * 25)
        np.testing.assert_array_equal(axes.images[0].get_array(), blink[index])
        circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
        near = np.abs(stips.coordinates[:, 0] - index) <= 2 * stips.tau
        assert sorted(c.center for c in circles) == sorted(
            map(tuple, stips.coordinates[near][:, :0:-1].tolist())
        )
        assert all(c.radius == 4.0 for c in circles)


def test_corners_of_a_file_use_its_clock(small_corpus: Path) -> None:
    clip = sorted(small_corpus.rglob("01-*.mp4"))[0]
    figure = plotting.plot_corners(clip, n_frames=1)
    info = stcorner.probe(clip).video
    seconds = figure.axes[-1].lines[0].get_xdata()
    assert len(seconds) == info.n_frames
    assert seconds[1] == pytest.approx(1 / info.fps)


def test_a_video_without_motion_has_no_points() -> None:
    figure = plotting.plot_corners(np.full((9, 17, 17), 50, np.uint8), n_frames=1)
    assert figure.axes[-1].get_title(loc="left") == "no interest points"
    assert figure.axes[-1].get_xlabel() == "frame"


def test_voice_shows_the_frame_table(rng: np.random.Generator) -> None:
    sr = 16_000
    t = np.arange(sr) / sr
    y = 0.3 * np.sin(2 * np.pi * 150 * t) * (t > 0.4) + 1e-3 * rng.standard_normal(sr)
    figure = plotting.plot_voice(y, sr=sr)
    table = stcorner.frame_table(y, sr=sr)
    wave, pitch, energy, zcr, cepstra = figure.axes[:5]
    np.testing.assert_array_equal(pitch.lines[0].get_xdata(), table["time"])
    np.testing.assert_array_equal(pitch.lines[0].get_ydata(), np.where(table["voiced"], table["f0"], np.nan))
    np.testing.assert_allclose(energy.lines[0].get_ydata(), 20 * np.log10(table["rms"]), rtol=1e-6)
    np.testing.assert_allclose(zcr.lines[0].get_ydata(), 100 * table["zcr"])
    drawn = cepstra.images[0].get_array()
    assert drawn.shape == (13, len(table["time"]))
    np.testing.assert_allclose(np.mean(drawn, axis=1), 0, atol=1e-5)
    low, high = wave.collections[0].get_datalim(wave.transData).intervaly
    assert (low, high) == pytest.approx((y.min(), y.max()))


def test_voice_shows_the_face_that_is_seen_most(rng: np.random.Generator) -> None:
    names = stcorner.face_expression_names()
    faces = {"time": np.array([0.0, 0.04, 0.04, 0.08, 0.4, 0.44]), "face_id": np.array([3, 3, 5, 3, 3, 3])}
    faces |= {f"expression_{name}": rng.random(6) for name in names}
    figure = plotting.plot_voice(0.1 * rng.standard_normal(8000), sr=16000, faces=faces)
    (panel,) = (axes for axes in figure.axes if axes.get_ylabel() == "expression, %")
    assert [line.get_label() for line in panel.lines] == names
    assert [to_hex(line.get_color()) for line in panel.lines] == class_colours(names)
    kept = faces["face_id"] == 3
    drawn = panel.lines[2].get_ydata()
    np.testing.assert_allclose(drawn[np.isfinite(drawn)], 100 * faces[f"expression_{names[2]}"][kept])
    assert np.flatnonzero(np.isnan(drawn)).tolist() == [3], "nobody was seen for a while"


def test_silence_has_no_pitch_and_says_so() -> None:
    figure = plotting.plot_voice(np.zeros(8000), sr=16_000)
    assert [text.get_text() for text in figure.axes[1].texts] == ["no voiced frames"]


@pytest.mark.parametrize("sr", [8000, 16_000, 44_100])
def test_spectrogram_puts_a_tone_where_it_is(sr: int) -> None:
    y = 0.5 * np.sin(2 * np.pi * 440 * np.arange(sr) / sr)
    figure = plotting.plot_spectrogram(y, sr=sr, fmax=2000)
    axes = figure.axes[0]
    image = axes.images[0]
    left, right, bottom, top = image.get_extent()
    level = image.get_array()
    step = (top - bottom) / len(level)
    column = int(level.shape[1] / 2)
    assert bottom + (0.5 + level[:, column].argmax()) * step == pytest.approx(440, abs=step)
    assert (left, right) == pytest.approx((-0.0025, 1.0025), abs=0.003)
    assert np.nanmedian(axes.lines[0].get_ydata()) == pytest.approx(440, rel=0.01)
    assert axes.get_ylim() == (0, 2000)


# ---- scores


def test_confusion_has_shares_and_counts(evaluation: stcorner.Evaluation) -> None:
    axes = plotting.plot_confusion(evaluation).axes[0]
    counts = evaluation.confusion
    np.testing.assert_allclose(axes.images[0].get_array(), 100 * counts / counts.sum(axis=1, keepdims=True))
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    for (i, j), count in np.ndenumerate(counts):
        assert shown[j, i].splitlines()[-1] == str(count)
    assert [label.get_text() for label in axes.get_yticklabels()] == CLASSES


@pytest.mark.parametrize("theme", list(THEMES))
def test_numbers_in_cells_are_legible(evaluation: stcorner.Evaluation, theme: str) -> None:
    """WCAG asks for a contrast of 4.5; shares in the middle reach less with either colour."""
    axes = plotting.plot_confusion(evaluation, theme=theme).axes[0]
    image = axes.images[0]

    def luminance(colour: tuple[float, ...]) -> float:
        parts = np.asarray(colour[:3])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for text in axes.texts:
        j, i = text.get_position()
        ground = luminance(image.cmap(image.norm(image.get_array()[i, j])))
        ink = luminance(matplotlib.colors.to_rgb(text.get_color()))
        assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) > 4.0, text.get_text()


def test_reliability_has_both_curves(evaluation: stcorner.Evaluation, rng: np.random.Generator) -> None:
    axes, below = plotting.plot_reliability(evaluation).axes
    for calibrated, line in zip((False, True), axes.lines[1:], strict=True):
        bins = evaluation.reliability(calibrated=calibrated)
        np.testing.assert_allclose(line.get_xdata(), 100 * bins.confidence)
        np.testing.assert_allclose(line.get_ydata(), 100 * bins.accuracy)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0] == f"as given: calibration error {100 * evaluation.ece():.1f} %"
    assert len(labels) == 2
    plain = plotting.plot_reliability(make_evaluation(rng, "plain", calibrated=False))
    assert len(plain.axes[0].lines) == 2
    assert below.get_xlabel() == "confidence, %"


def test_actors_stand_in_the_order_of_the_first_model(
    evaluation: stcorner.Evaluation, rng: np.random.Generator
) -> None:
    other = make_evaluation(rng, "two", skill=0.5)
    panels = plotting.plot_actors([evaluation, other], metric="war").axes
    order = [label.get_text() for label in panels[0].get_yticklabels()]
    for axes, each in zip(panels, (evaluation, other), strict=True):
        scores = {row.actor: 100 * row.war for row in each.per_actor}
        np.testing.assert_allclose(axes.collections[0].get_offsets()[:, 0], [scores[name] for name in order])
        assert axes.lines[0].get_xdata()[0] == pytest.approx(100 * each.war)
        band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
        np.testing.assert_allclose(band.intervalx, 100 * np.array(each.interval("war")))
    first = panels[0].collections[0].get_offsets()[:, 0]
    assert sorted(first) == list(first)
    assert [axes.get_title(loc="left") for axes in panels] == ["one", "two"]


def test_abstention_of_one_and_of_several(evaluation: stcorner.Evaluation, rng: np.random.Generator) -> None:
    axes = plotting.plot_abstention(evaluation).axes[0]
    curve = evaluation.abstention(calibrated=True)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 100 * curve.uar)
    np.testing.assert_allclose(axes.lines[1].get_ydata(), 100 * curve.war)
    assert {text.get_text() for text in axes.texts} == {"UAR", "WAR"}
    several = [make_evaluation(rng, "same", skill=skill) for skill in (0.2, 1.0)]
    names = {text.get_text() for text in plotting.plot_abstention(several).axes[0].texts}
    assert names == {"same, actor-k5"}


def test_evaluations_that_cannot_be_drawn(evaluation: stcorner.Evaluation, rng: np.random.Generator) -> None:
    empty = Evaluation(
        model="m", protocol="p", classes=CLASSES, clip_ids=["a"], y_true=["sad"], groups=["1"], folds=["1"],
        probabilities=np.full((1, 3), np.nan),
    )  # fmt: skip
    for draw in (plotting.plot_confusion, plotting.plot_reliability, plotting.plot_actors):
        with pytest.raises(ParameterError, match="at least one prediction"):
            draw(empty)
    with pytest.raises(ParameterError, match="evaluation must be an Evaluation or several, got"):
        plotting.plot_abstention([3])
    with pytest.raises(ParameterError, match="evaluation must be an Evaluation or several, got"):
        plotting.plot_actors([])
    with pytest.raises(ParameterError, match="evaluation must be at most 8"):
        plotting.plot_actors([evaluation] * 9)
    with pytest.raises(ParameterError, match="metric must be one of 'uar', 'war', got 'f1'"):
        plotting.plot_actors(evaluation, metric="f1")


# ---- learning


def test_plane_shows_held_out_clips_strong(rng: np.random.Generator) -> None:
    points = rng.normal(size=(30, 4))
    labels = np.array(CLASSES)[np.arange(30) % 3]
    held_out = np.arange(30) >= 20
    axes = plotting.plot_plane(points, labels, held_out=held_out, title="t").axes[0]
    faint, strong = axes.collections[0::2], axes.collections[1::2]
    for name, before, shown, colour in zip(CLASSES, faint, strong, class_colours(CLASSES), strict=True):
        np.testing.assert_array_equal(shown.get_offsets(), points[held_out & (labels == name), :2])
        np.testing.assert_array_equal(before.get_offsets(), points[~held_out & (labels == name), :2])
        assert to_hex(shown.get_facecolor()[0]) == colour
    assert len({path.vertices.shape for each in strong for path in each.get_paths()}) > 1, "shapes differ too"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"points": np.zeros((3, 1))}, "points must have shape"),
        ({"points": np.zeros(3)}, "points must have"),
        ({"points": [[0, np.nan], [0, 0], [0, 0]]}, "points must be finite"),
        ({"labels": ["a"]}, "labels must have 3 entries as points, got 1"),
        ({"held_out": [1, 0, 1]}, "held_out must be bool of shape"),
        ({"theme": "sepia"}, "theme must be one of 'light', 'dark', got 'sepia'"),
    ],
)
def test_plane_refuses(change: dict[str, Any], match: str) -> None:
    fine = {"points": np.zeros((3, 2)), "labels": list("aba"), "held_out": None}
    given = {**fine, **change}
    with pytest.raises(ParameterError, match=match):
        plotting.plot_plane(given.pop("points"), given.pop("labels"), **given)


def test_learning_marks_the_epoch_that_was_kept() -> None:
    history = {
        "loss": [2.0, 1.0, 0.5, 0.4], "val_loss": [2.0, 1.5, 1.4, 1.4], "accuracy": [0.2, 0.5, 0.8, 0.9],
        "val_accuracy": [0.2, 0.4, 0.5, 0.5], "seconds": [1.0, 1.0, 1.0, 1.0],
    }  # fmt: skip
    loss, accuracy = plotting.plot_learning(history).axes
    assert loss.lines[1].get_ydata().tolist() == history["val_loss"]
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), [20, 50, 80, 90])
    assert loss.lines[2].get_xdata()[0] == 4, "of equal losses the later one is kept"
    assert loss.lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    alone = plotting.plot_learning({"loss": [1.0]}).axes
    assert len(alone) == 1


@pytest.mark.slow
def test_history_of_a_trained_network_is_drawn() -> None:
    pytest.importorskip("jax", reason="training needs stcorner[cnn]")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, 162)).astype(np.float32)
    model = stcorner.FERCNNClassifier(n_epochs=1, batch_size=8).fit(X, np.array(["a", "b"] * 12))
    figure = plotting.plot_learning(model.history_)
    assert figure.axes[0].lines[0].get_ydata().tolist() == model.history_["loss"]


@pytest.mark.parametrize(
    ("history", "match"),
    [({}, "history must hold the loss"), ({"loss": [1.0], "accuracy": [1.0, 0.5]}, "curves of one length")],
)
def test_learning_refuses(history: dict[str, Any], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        plotting.plot_learning(history)


# ---- files, style


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_file(
    tmp_path: Path, evaluation: stcorner.Evaluation, ending: str
) -> None:
    files = [
        plotting.save_figure(plotting.plot_abstention(evaluation), tmp_path / f"{i}.{ending}") for i in (1, 2)
    ]
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending])


def test_files_that_cannot_be_written(tmp_path: Path, evaluation: stcorner.Evaluation) -> None:
    figure = plotting.plot_abstention(evaluation)
    with pytest.raises(ParameterError, match=r"path must end in \.png, \.svg, \.pdf, got"):
        plotting.save_figure(figure, tmp_path / "a.bmp")
    with pytest.raises(ParameterError, match="dpi must be"):
        plotting.save_figure(figure, tmp_path / "a.png", dpi=0)


def test_settings_of_the_caller_stay(evaluation: stcorner.Evaluation) -> None:
    before = dict(matplotlib.rcParams)
    plotting.plot_confusion(evaluation, theme="dark")
    assert dict(matplotlib.rcParams) == before


def test_dark_figures_are_dark(evaluation: stcorner.Evaluation) -> None:
    figure = plotting.plot_confusion(evaluation, theme="dark")
    assert to_hex(figure.get_facecolor()) == THEMES["dark"].paper


def test_without_matplotlib_the_extra_is_named(
    evaluation: stcorner.Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stcorner\[plot\]'"):
        plotting.plot_confusion(evaluation)


def test_an_emotion_has_one_colour_everywhere() -> None:
    assert class_colours(["happy", "sad"]) == [class_colours([name])[0] for name in ("happy", "sad")]
    eight = ["angry", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
    assert sorted(class_colours(eight)) == sorted(PALETTE)
    assert len(set(class_colours(["angry", "b", "c", "d", "e", "f", "g", "h"]))) == 8
    assert len(class_colours(list("abcdefghijkl"))) == 12
