"""``stcorner plot``: one command for each kind of figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from stcorner.cli._inputs import read_evaluations, read_json
from stcorner.cli._options import CorpusOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "abstention",
    "actors",
    "confusion",
    "corners",
    "learning",
    "plane",
    "reliability",
    "spectrogram",
    "voice",
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FigureOptions:
    """Where a figure goes and how it looks.

    Parameters
    ----------
    output
        File to write: .png, .svg or .pdf. Default: the kind of figure, .png.
    theme
        Colours of the figure.
    dpi
        Pixels per inch of a .png.
    """

    output: Annotated[Path | None, Parameter(alias="-o")] = None
    theme: Literal["light", "dark"] = "light"
    dpi: float = 150.0

    def target(self, kind: str) -> Path:
        """Return the file to write, refused at once if it could not be."""
        from stcorner.plotting.style import check_figure_path, styled

        path = check_figure_path("--output", self.output or Path(f"{kind}.png"))
        with styled(self.theme):  # matplotlib is there, or the command ends before any work
            return path

    def write(self, figure: Figure, target: Path) -> int:
        """Write the figure and say where."""
        from stcorner._base.text import shown
        from stcorner.cli._output import say
        from stcorner.plotting import save_figure

        say(shown(save_figure(figure, target, dpi=self.dpi)))
        return 0


_DEFAULTS, _SOURCE = FigureOptions(), CorpusOptions()


def corners(file: Path, /, *, face: bool = False, frames: int = 5, options: FigureOptions = _DEFAULTS) -> int:
    """Draw the corner response and the interest points over frames.

    Parameters
    ----------
    file
        Video file.
    face
        Use the tracked and aligned face instead of the whole frame.
    frames
        Number of frames to show.
    """
    from stcorner.plotting import plot_corners

    target = options.target("corners")
    if not face:
        return options.write(plot_corners(file, n_frames=frames, theme=options.theme), target)
    from stcorner.errors import MediaError
    from stcorner.media import crop_face

    clip = crop_face(file)
    if clip.status == "no_face":
        raise MediaError(
            f"{file} must show a face for --face, and none was found: leave --face out to draw the whole "
            "picture"
        )
    figure = plot_corners(clip.frames, n_frames=frames, fps=clip.fps, theme=options.theme)
    return options.write(figure, target)


def voice(file: Path, /, *, options: FigureOptions = _DEFAULTS) -> int:
    """Draw the curves of a voice and, in a video, of the expressions.

    Parameters
    ----------
    file
        Audio or video file.
    """
    from stcorner.media import load_audio, probe
    from stcorner.plotting import plot_voice
    from stcorner.video import face_table

    target = options.target("voice")
    y, sr = load_audio(file)
    faces = None if probe(file).video is None else face_table(file, rule="largest")
    return options.write(plot_voice(y, sr=sr, faces=faces, theme=options.theme), target)


def spectrogram(file: Path, /, *, fmax: float | None = None, options: FigureOptions = _DEFAULTS) -> int:
    """Draw the spectrogram with the pitch over it.

    Parameters
    ----------
    file
        Audio or video file.
    fmax
        Highest frequency shown, in Hz, at most 8000. Default: 4000.
    """
    from stcorner.media import load_audio
    from stcorner.plotting import plot_spectrogram

    target = options.target("spectrogram")
    y, sr = load_audio(file)
    return options.write(plot_spectrogram(y, sr=sr, fmax=fmax, theme=options.theme), target)


def plane(
    corpus: Path,
    /,
    *,
    modality: Literal["both", "audio", "video"] = "both",
    recipe: str = "rich",
    fusion: Literal["mfa", "lda"] = "mfa",
    protocol: str = "auto",
    fold: int = 1,
    label_map: tuple[str, ...] = (),
    jobs: int = -1,
    source: CorpusOptions = _SOURCE,
    options: FigureOptions = _DEFAULTS,
) -> int:
    """Draw clips of people held out, in two fused directions.

    Parameters
    ----------
    corpus
        Folder of a published corpus (RAVDESS, CREMA-D, EMO-DB, ...), of one sub-folder per emotion, or a CSV
        file.
    modality
        Part of the clips to use.
    recipe
        Description of the sound: rich, paper162, notebook162 or egemaps.
    fusion
        Method that finds the directions.
    protocol
        Folds by name, such as ravdess-luna5, actor-k5; auto picks by corpus.
    fold
        Number of the fold to hold out, from 1.
    label_map
        OLD=NEW renames a label, OLD= drops its clips; may be given several times.
    jobs
        Processes that read the clips; -1 is one per core.
    """
    from stcorner._base.validation import check_integer
    from stcorner.cli._corpus import held_out_plane, read_corpus, report_failures, report_skipped
    from stcorner.cli._output import progress
    from stcorner.corpora import actor_folds
    from stcorner.plotting import plot_plane
    from stcorner.recognizer import EmotionRecognizer

    target = options.target("plane")
    clips = read_corpus(corpus, modality=modality, source=source, label_map=label_map)
    report_skipped(clips)
    folds = actor_folds(clips, protocol)
    chosen = folds[check_integer("--fold", fold, low=1, high=len(folds)) - 1]
    with progress(f"reading {len(clips)} clips") as report:
        features = EmotionRecognizer(modality, recipe=recipe).extract(
            clips, n_jobs=jobs, augment=False, progress=report
        )
    found = held_out_plane(features, chosen, fusion=fusion)
    if found is None:
        report_failures(features)
        return 1
    figure = plot_plane(
        found["points"], found["labels"], held_out=found["held_out"],
        title=f"{fusion.upper()}, {'voice + face' if modality == 'both' else modality}, fold {chosen.name}",
        theme=options.theme,
    )  # fmt: skip
    options.write(figure, target)
    return report_failures(features)


def confusion(file: Path, /, *, options: FigureOptions = _DEFAULTS) -> int:
    """Draw the confusion matrix of an evaluation.

    Parameters
    ----------
    file
        Evaluation (.json) that evaluate or demo wrote.
    """
    from stcorner.plotting import plot_confusion

    target = options.target("confusion")
    return options.write(plot_confusion(*read_evaluations([file]), theme=options.theme), target)


def reliability(file: Path, /, *, options: FigureOptions = _DEFAULTS) -> int:
    """Draw how often predictions are right against how sure they are.

    Parameters
    ----------
    file
        Evaluation (.json) that evaluate or demo wrote.
    """
    from stcorner.plotting import plot_reliability

    target = options.target("reliability")
    return options.write(plot_reliability(*read_evaluations([file]), theme=options.theme), target)


def actors(
    files: list[Path],
    /,
    *,
    metric: Literal["uar", "war"] = "uar",
    options: FigureOptions = _DEFAULTS,
) -> int:
    """Draw the score of each person beside the score of all.

    Parameters
    ----------
    files
        Evaluations (.json) that evaluate or demo wrote.
    metric
        Mean recall of the classes, or accuracy.
    """
    from stcorner.plotting import plot_actors

    target = options.target("actors")
    return options.write(plot_actors(read_evaluations(files), metric=metric, theme=options.theme), target)


def abstention(files: list[Path], /, *, options: FigureOptions = _DEFAULTS) -> int:
    """Draw the score of the surest predictions against their share.

    Parameters
    ----------
    files
        Evaluations (.json) that evaluate or demo wrote.
    """
    from stcorner.plotting import plot_abstention

    target = options.target("abstention")
    return options.write(plot_abstention(read_evaluations(files), theme=options.theme), target)


def learning(file: Path, /, *, options: FigureOptions = _DEFAULTS) -> int:
    """Draw loss and accuracy of the network by epoch.

    Parameters
    ----------
    file
        Model (.stcorner) whose classifier is fercnn, or its history_ as .json.
    """
    from stcorner.errors import ParameterError
    from stcorner.plotting import plot_learning

    target = options.target("learning")
    if file.suffix == ".json":
        history = read_json(file)
    else:
        from stcorner.recognizer import load_predictor

        heads = load_predictor(file).heads.values()
        history = next((getattr(head.classifier, "history_", None) for head in heads), None)
    if not isinstance(history, dict):
        raise ParameterError(
            f"FILE must be a model trained with --classifier fercnn, got {str(file)!r}: only a network "
            "has learning curves"
        )
    return options.write(plot_learning(history, theme=options.theme), target)
