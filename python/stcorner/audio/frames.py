"""All framewise descriptors of a voice in one table, from a whole clip or from a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_choice, check_integer, check_real
from stcorner.audio._frames import check_one_channel, check_signal, decimation
from stcorner.audio._measure import N_MFCC, Frames, Layout
from stcorner.audio.descriptors import measured, select
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from stcorner.audio.descriptors import Descriptor

__all__ = ["AudioStream", "frame_table"]

DEFAULT = ("zcr", "rms", "f0", "voiced", "strength", "mfcc")
_LEAST_SAMPLE = 1e-10  # as in `zero_crossing_rate`: digital silence rings at less after a resampler


class _Table:
    """The columns of chosen descriptors, for any frames of a signal."""

    def __init__(self, layout: Layout, descriptors: Iterable[str] | str | None, n_mfcc: Any) -> None:
        self.layout = layout
        self.chosen = select(descriptors, DEFAULT)
        self._n_mfcc = check_integer("n_mfcc", n_mfcc, low=1, high=N_MFCC)
        self.look_back = max(each.look_back for each in self.chosen)
        self.look_ahead = max(each.look_ahead for each in self.chosen)
        self.reach = layout.reach(max(each.window for each in self.chosen))

    def _of(self, found: Descriptor, frames: Frames, rows: slice) -> dict[str, NDArray[Any]]:
        values = measured(found, frames)
        if len(found.columns) == 1:
            return {found.name: values[rows]}
        count = self._n_mfcc if found.name.endswith("mfcc") else len(found.columns)
        return {name: np.ascontiguousarray(values[rows, i]) for i, name in enumerate(found.columns[:count])}

    def __call__(self, frames: Frames, rows: slice) -> dict[str, NDArray[Any]]:
        layout, numbers = self.layout, frames.frames[rows]
        table = {"time": np.arange(numbers.start, numbers.stop) * (layout.hop / layout.sr)}
        for found in self.chosen:
            table |= self._of(found, frames, rows)
        return table


def frame_table(
    y: ArrayLike,
    *,
    sr: float,
    hop_length: int | None = None,
    descriptors: Iterable[str] | str | None = None,
    n_mfcc: int = 13,
    fmin: float = 60.0,
    fmax: float = 500.0,
    tracker: str = "viterbi",
    reference_level: float | None = None,
    as_pandas: bool = False,
) -> Any:
    """Describe every frame of a clip: one row per 10 ms.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    sr : float
        Sample rate in Hz.
    hop_length : int, optional
        Samples between frames. Default: 10 ms.
    descriptors : iterable of str or "all", optional
        Names of the registry, `stcorner.audio.DESCRIPTORS`. Default: ``zcr``, ``rms``, ``f0``, ``voiced``,
        ``strength`` and ``mfcc``.
    n_mfcc : int
        Number of cepstral coefficients after the zeroth, 1 to 20.
    fmin, fmax : float
        Range of the search in Hz; `fmax` at most a quarter of the rate after decimation.
    tracker : {"viterbi", "peak"}
        Least-cost path, or each frame's best candidate by itself (the paper's rule; frames are then
        independent, as a stream needs them).
    reference_level : float, optional
        As in `pitch_autocorrelation`, and the root mean square of a frame at 0 dB. None: the clip's largest
        magnitude, and its loudest frame.
    as_pandas : bool
        Return a `pandas.DataFrame` (needs the extra ``table``).

    Returns
    -------
    dict of str to ndarray of shape (t,), or DataFrame
        ``time`` (s, centre of the frame), then a column or several of each descriptor. `describe_column`
        tells meaning, unit, range and source of each.

    Raises
    ------
    ValueError
        If `y` is empty, not finite or not one channel, or a parameter is out of its range.
    MissingExtraError
        If pandas is wanted and not installed.

    See Also
    --------
    AudioStream : The same from a stream of blocks.
    describe_column : Meaning, unit and range of a column.

    Examples
    --------
    >>> table = frame_table(np.sin(2 * np.pi * 200 * np.arange(1600) / 16000), sr=16000, n_mfcc=1)
    >>> list(table)
    ['time', 'zcr', 'rms', 'f0', 'voiced', 'strength', 'mfcc_1']
    >>> len(table["time"]), round(float(table["f0"][5]), 1)
    (11, 200.0)
    """
    table_of = _Table(Layout.checked(sr, hop_length, fmin, fmax), descriptors, n_mfcc)
    signal = check_one_channel(y)
    path = check_choice("tracker", tracker, ("viterbi", "peak")) == "viterbi"
    level = None
    if reference_level is not None:
        level = check_real("reference_level", reference_level, low=0.0, open_low=True)
    numbers = range(1 + len(signal) // table_of.layout.hop)
    frames = Frames(
        table_of.layout, signal, numbers, path=path, scale=level, reference=level or 0.0,
        least_sample=_LEAST_SAMPLE,
    )  # fmt: skip
    table = table_of(frames, slice(None))
    if not as_pandas:
        return table
    try:
        import pandas
    except ImportError:
        from stcorner.errors import MissingExtraError

        raise MissingExtraError("frame_table(as_pandas=True)", "pandas", "table") from None
    return pandas.DataFrame(table)


class AudioStream:
    """Describe the frames of a voice while it is recorded.

    The frames are those, bit for bit, of ``frame_table(y, sr=sr, tracker="peak", reference_level=...)`` of
    all samples pushed; they come as soon as the samples that they depend on are there (with the defaults
    30 to 50 ms later). A least-cost path needs the whole clip, so each frame's best candidate is taken.

    Parameters
    ----------
    sr : float
        Sample rate in Hz.
    hop_length : int, optional
        Samples between frames. Default: 10 ms.
    descriptors : iterable of str or "all", optional
        Names of the registry, `stcorner.audio.DESCRIPTORS`. Default: ``zcr``, ``rms``, ``f0``, ``voiced``,
        ``strength`` and ``mfcc``.
    n_mfcc : int
        Number of cepstral coefficients after the zeroth, 1 to 20.
    fmin, fmax : float
        Range of the search in Hz; `fmax` at most a quarter of the rate after decimation.
    reference_level : float
        Magnitude that the pitch tracker's silence threshold refers to, and root mean square of a frame at
        0 dB; 1 is full scale.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    frame_table : The same frames of a whole sound.

    Examples
    --------
    >>> stream = AudioStream(sr=16000)
    >>> tone = np.sin(2 * np.pi * 200 * np.arange(3200) / 16000)
    >>> parts = [stream.push(block)["time"] for block in np.split(tone, 4)] + [stream.flush()["time"]]
    >>> sum(len(part) for part in parts)
    21
    """

    def __init__(
        self,
        *,
        sr: float,
        hop_length: int | None = None,
        descriptors: Iterable[str] | str | None = None,
        n_mfcc: int = 13,
        fmin: float = 60.0,
        fmax: float = 500.0,
        reference_level: float = 1.0,
    ) -> None:
        self._layout = Layout.checked(sr, hop_length, fmin, fmax)
        self._table = _Table(self._layout, descriptors, n_mfcc)
        self._reference = check_real("reference_level", reference_level, low=0.0, open_low=True)
        silence = Frames(self._layout, np.zeros(1, np.float32), range(1), path=False)
        self._empty = self._table(silence, slice(0))
        self.reset()

    def reset(self) -> None:
        """Forget all samples; the next frame is number 0."""
        self._signal = np.empty(0, np.float32)
        self._origin = 0
        self._next = 0
        self._flushed = False

    @property
    def latency(self) -> int:
        """Samples that must follow a frame's centre before the frame comes, at most."""
        return self._table.reach + (1 + self._table.look_ahead) * self._layout.hop

    def push(self, samples: ArrayLike) -> dict[str, NDArray[Any]]:
        """Take samples (m,), m >= 0, and return the frames that are complete now, as columns.

        Parameters
        ----------
        samples : array_like of shape (m,)
            The next samples, floating point, one channel; m may be 0.

        Returns
        -------
        dict of str to ndarray of shape (t,)
            Columns of `frame_table` for the frames that are complete now; t may be 0.

        Raises
        ------
        ValueError
            If the samples are not finite or not one channel, or the stream was flushed.
        """
        if self._flushed:
            raise ParameterError(
                "samples must not come after flush(), which ends the stream: call reset() first"
            )
        block = np.asarray(samples)
        if block.size:
            block = check_signal(block)
            if block.ndim != 1:
                raise ParameterError(f"samples must have shape (m,), got {block.shape}")
            self._signal = np.concatenate([self._signal, block])
        complete = max(0, (self._heard - self._table.reach) // self._layout.hop + 1)
        # Neighbours share a transform in the core: they go through it two by two, as in a batch.
        complete -= complete % 2
        return self._emit(max(self._next, complete - self._table.look_ahead), max(self._next, complete))

    def flush(self) -> dict[str, NDArray[Any]]:
        """End the signal and return the frames that are left, as columns.

        Returns
        -------
        dict of str to ndarray of shape (t,)
            Columns of `frame_table` for the frames that are left.
        """
        self._flushed = True
        last = 1 + self._heard // self._layout.hop if self._heard else self._next
        return self._emit(last, last)

    @property
    def _heard(self) -> int:
        return self._origin + len(self._signal)

    def _emit(self, stop: int, known: int) -> dict[str, NDArray[Any]]:
        """Return the frames up to `stop`, looking at those up to `known`."""
        if stop == self._next:
            return {name: column.copy() for name, column in self._empty.items()}
        layout = self._layout
        first = self._first_read(self._next)
        frames = Frames(
            layout, self._signal, range(first, known), origin=self._origin, path=False,
            scale=self._reference, reference=self._reference, least_sample=_LEAST_SAMPLE,
        )  # fmt: skip
        rows = slice(self._next - first, stop - first)
        table = self._table(frames, rows)
        self._next = stop
        # Whole decimation steps are dropped, so that the decimating filter stays on its grid.
        # With a long hop the next frame may need none of the samples so far: no more than those can go.
        step = decimation(layout.sr)
        unread = self._first_read(stop) * layout.hop - self._table.reach - 10 * step - self._origin
        spare = min(unread, len(self._signal))
        if spare > 0:
            spare -= spare % step
            self._signal = self._signal[spare:]
            self._origin += spare
        return table

    def _first_read(self, frame: int) -> int:
        """First frame that enters the values of this one and of later ones, the elder of a pair."""
        first = max(0, frame - self._table.look_back)
        return first - first % 2
