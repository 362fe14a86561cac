"""All framewise descriptors of a voice in one table, from a whole clip or from a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_choice, check_integer, check_real
from stcorner.audio._filters import cosine_basis, mel_filters
from stcorner.audio._frames import check_pitch_range, check_rate, check_signal, decimation
from stcorner.audio.pitch import NOISE_ADAPTATION, REFINE_PERIODS
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["AudioStream", "frame_table"]

_N_MELS = 40


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """What follows from rate, hop and pitch range; frame i is centred on sample i * hop."""

    sr: float
    hop: int
    n_mfcc: int
    fmin: float
    fmax: float

    @classmethod
    def checked(cls, sr: Any, hop_length: Any, n_mfcc: Any, fmin: Any, fmax: Any) -> _Layout:
        rate = check_rate(sr)
        hop = (
            max(1, round(0.01 * rate))
            if hop_length is None
            else check_integer("hop_length", hop_length, low=1)
        )
        low, high = check_pitch_range(rate, fmin, fmax)
        count = check_integer("n_mfcc", n_mfcc, low=1, high=_N_MELS - 1)
        return cls(sr=rate, hop=hop, n_mfcc=count, fmin=low, fmax=high)

    @property
    def frame(self) -> int:
        """25 ms, an even number of samples."""
        return max(2, 2 * round(0.0125 * self.sr))

    @property
    def n_fft(self) -> int:
        return max(512, 1 << (self.frame - 1).bit_length())

    @property
    def pitch_frame(self) -> int:
        """Three periods of fmin, an even number of samples."""
        return 2 * int(np.ceil(1.5 * self.sr / self.fmin))

    @property
    def reach(self) -> int:
        """Samples on either side of a frame's centre that can change its values."""
        return max(self.frame, self.pitch_frame) // 2 + 10 * decimation(self.sr)

    def columns(
        self, signal: NDArray[np.float32], origin: int, frames: range, *, path: bool, reference: float
    ) -> dict[str, NDArray[Any]]:
        """Compute the frames with these numbers of a signal whose sample 0 has the number `origin`."""
        n, first = len(frames), frames.start * self.hop - origin
        half = self.frame // 2
        zcr, rms = _core.zcr_rms(signal, self.frame, self.hop, first - half, n, 1e-10, True, True, 0)
        settings = _core.PitchOptions()
        settings.sample_rate, settings.fmin, settings.fmax = self.sr, self.fmin, self.fmax
        settings.noise_adaptation, settings.refine_periods = NOISE_ADAPTATION, REFINE_PERIODS
        settings.find_path, settings.reference_level = path, reference
        start = first - self.pitch_frame // 2
        f0, strength = _core.track_pitch(signal, self.pitch_frame, self.hop, start, n, settings, 0)
        window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.frame) / self.frame)).astype(np.float32)
        power = _core.power_spectra(signal, window, self.n_fft, self.hop, first - half, n, 0)
        mel = mel_filters(self.sr, self.n_fft, n_mels=_N_MELS, fmin=0.0, fmax=None, htk=False, norm="slaney")
        bands = 10.0 * np.log10(np.maximum(_core.project(power, mel, 0), np.float32(1e-10)))
        basis = np.ascontiguousarray(cosine_basis(_N_MELS, self.n_mfcc + 1)[1:])
        cepstrum = _core.project(bands.astype(np.float32), basis, 0)
        return {
            "time": np.arange(frames.start, frames.stop) * (self.hop / self.sr),
            "zcr": zcr,
            "rms": rms,
            "f0": f0,
            "voiced": ~np.isnan(f0),
            "strength": strength,
            **{f"mfcc_{i + 1}": np.ascontiguousarray(cepstrum[:, i]) for i in range(self.n_mfcc)},
        }


def frame_table(
    y: ArrayLike,
    *,
    sr: float,
    hop_length: int | None = None,
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
    n_mfcc : int
        Number of cepstral coefficients after the zeroth, 1 to 39.
    fmin, fmax, tracker, reference_level
        As in `pitch_autocorrelation`.
    as_pandas : bool
        Return a `pandas.DataFrame` (needs the extra ``table``).

    Returns
    -------
    dict of str to ndarray of shape (t,), or DataFrame
        ``time`` (s, centre of the frame), ``zcr``, ``rms`` (25 ms frames), ``f0`` (Hz, NaN where unvoiced),
        ``voiced``, ``strength``, ``mfcc_1`` ... (40 mel bands, no limit of range).

    Raises
    ------
    ValueError
        If `y` is empty, not finite or not one channel, or a parameter is out of its range.
    MissingExtraError
        If pandas is wanted and not installed.

    Examples
    --------
    >>> table = frame_table(np.sin(2 * np.pi * 200 * np.arange(1600) / 16000), sr=16000, n_mfcc=1)
    >>> list(table)
    ['time', 'zcr', 'rms', 'f0', 'voiced', 'strength', 'mfcc_1']
    >>> len(table["time"]), round(float(table["f0"][5]), 1)
    (11, 200.0)
    """
    layout = _Layout.checked(sr, hop_length, n_mfcc, fmin, fmax)
    signal = check_signal(y)
    if signal.ndim != 1:
        raise ParameterError(f"y must have shape (n,), got {signal.shape}")
    path = check_choice("tracker", tracker, ("viterbi", "peak")) == "viterbi"
    level = 0.0
    if reference_level is not None:
        level = check_real("reference_level", reference_level, low=0.0, open_low=True)
    frames = range(1 + len(signal) // layout.hop)
    table = layout.columns(signal, 0, frames, path=path, reference=level)
    if not as_pandas:
        return table
    try:
        import pandas
    except ImportError:
        from stcorner.errors import MissingExtraError

        raise MissingExtraError("frame_table(as_pandas=True)", "pandas", "table") from None
    return pandas.DataFrame(table)


class AudioStream:
    """Describe the frames of a voice while it is being heard.

    The frames are those, bit for bit, of ``frame_table(y, sr=sr, tracker="peak", reference_level=...)`` of
    all samples pushed; they come as soon as the samples that they depend on are there (with the defaults
    30 to 50 ms later). A least-cost path needs the whole clip, so each frame's best candidate is taken.

    Parameters
    ----------
    sr : float
        Sample rate in Hz.
    hop_length, n_mfcc, fmin, fmax
        As in `frame_table`.
    reference_level : float
        Magnitude that the pitch tracker's silence threshold refers to; 1 is full scale.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

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
        n_mfcc: int = 13,
        fmin: float = 60.0,
        fmax: float = 500.0,
        reference_level: float = 1.0,
    ) -> None:
        self._layout = _Layout.checked(sr, hop_length, n_mfcc, fmin, fmax)
        self._reference = check_real("reference_level", reference_level, low=0.0, open_low=True)
        nothing = np.empty(0, np.float32)
        self._empty = self._layout.columns(nothing, 0, range(0), path=False, reference=self._reference)
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
        return self._layout.reach + self._layout.hop

    def push(self, samples: ArrayLike) -> dict[str, NDArray[Any]]:
        """Take samples (m,), m >= 0, and return the frames that are complete now, as columns.

        Raises
        ------
        ValueError
            If the samples are not finite or not one channel, or the stream was flushed.
        """
        if self._flushed:
            raise ParameterError("samples must not follow flush() without reset()")
        block = np.asarray(samples)
        if block.size:
            block = check_signal(block)
            if block.ndim != 1:
                raise ParameterError(f"samples must have shape (m,), got {block.shape}")
            self._signal = np.concatenate([self._signal, block])
        heard = self._origin + len(self._signal)
        complete = (heard - self._layout.reach) // self._layout.hop + 1
        # Neighbours share a transform in the core: they go through it two by two, as in a batch.
        return self._emit(max(self._next, complete - complete % 2))

    def flush(self) -> dict[str, NDArray[Any]]:
        """End the signal and return the frames that are left, as columns."""
        heard = self._origin + len(self._signal)
        self._flushed = True
        return self._emit(1 + heard // self._layout.hop if heard else self._next)

    def _emit(self, stop: int) -> dict[str, NDArray[Any]]:
        layout = self._layout
        if stop == self._next:
            return {name: column.copy() for name, column in self._empty.items()}
        frames = range(self._next, stop)
        table = layout.columns(self._signal, self._origin, frames, path=False, reference=self._reference)
        self._next = stop
        # Whole decimation steps are dropped, so that the decimating filter stays on its grid.
        # With a long hop the next frame may need none of the samples so far: no more than those can go.
        step = decimation(layout.sr)
        unread = stop * layout.hop - layout.reach - 10 * step - self._origin
        spare = min(unread, len(self._signal))
        if spare > 0:
            spare -= spare % step
            self._signal = self._signal[spare:]
            self._origin += spare
        return table
