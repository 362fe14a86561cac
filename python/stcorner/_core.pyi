"""Types of the compiled core. Private: the package's functions validate before they call it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__version__: str

# runtime
def active_isa() -> str: ...
def available_isas() -> list[str]: ...
def set_isa(name: str) -> None: ...
def effective_threads(n_threads: int, n_items: int) -> int: ...
def build_config() -> dict[str, object]: ...

# video
class HarrisOptions:
    def __init__(
        self,
        *,
        height: int,
        width: int,
        scales: Sequence[tuple[float, float, float]],
        s: float,
        k: float,
        scale_normalize: bool,
        normalize: bool,
        eps: float,
        reflect: bool,
        tensor: bool,
        n_threads: int,
        tile_width: int,
        tile_height: int,
    ) -> None: ...

class HarrisEngine:
    def __init__(self, options: HarrisOptions) -> None: ...
    @property
    def latency(self) -> int: ...
    @property
    def frames_in(self) -> int: ...
    @property
    def frames_out(self) -> int: ...
    def run(
        self, frames: NDArray[Any], out: NDArray[np.float32], *, first: int, drain: bool, finish: bool
    ) -> None: ...

class StipDetector:
    def __init__(
        self,
        options: HarrisOptions,
        *,
        threshold_abs: float,
        threshold_rel: float,
        exclude_border: bool,
        scale_selection: bool,
        n_taus: int,
        row_begin: int = 0,
        row_end: int = 0,
    ) -> None: ...
    def largest(self, scale: int) -> float: ...
    @property
    def latency(self) -> int: ...
    def push(self, frames: NDArray[Any], *, drain: bool) -> None: ...
    def finish(self) -> None: ...
    def take(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]: ...

class TextureMap:
    def __init__(
        self,
        options: HarrisOptions,
        *,
        rows: int,
        columns: int,
        segments: int,
        n_frames: int,
        edges: Sequence[float],
    ) -> None: ...
    def push(self, frames: NDArray[Any], *, drain: bool) -> None: ...
    def finish(self) -> None: ...
    def counts(self) -> NDArray[np.int64]: ...

class OrientationMap:
    def __init__(
        self, options: HarrisOptions, *, rows: int, columns: int, segments: int, n_frames: int, bins: int
    ) -> None: ...
    def push(self, frames: NDArray[Any], *, drain: bool) -> None: ...
    def finish(self) -> None: ...
    def sums(self) -> NDArray[np.float64]: ...

class StipDescriber:
    def __init__(self, options: HarrisOptions, *, points: NDArray[np.float64], still: float) -> None: ...
    def push(self, frames: NDArray[Any], *, drain: bool) -> None: ...
    def finish(self) -> None: ...
    def describe(self) -> NDArray[np.float32]: ...

def describe_tensor(
    tensor: NDArray[np.float32], out: NDArray[np.float32], output: str, n_threads: int
) -> None: ...
def find_maxima(
    response: NDArray[np.float32], threshold: float, n_threads: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]: ...
def suppress_neighbours(coordinates: NDArray[np.int64], min_distance: int) -> NDArray[np.uint8]: ...
def gaussian_taps(sd: float) -> list[float]: ...

# audio
class PitchOptions:
    sample_rate: float
    fmin: float
    fmax: float
    voicing_threshold: float
    silence_threshold: float
    octave_cost: float
    octave_jump_cost: float
    voiced_unvoiced_cost: float
    reference_level: float
    noise_adaptation: float
    low_pass: float
    clean_length: int
    refine_periods: int
    cost_in_voicing: bool
    max_candidates: int
    find_path: bool
    always_voiced: bool

def zcr_rms(
    signal: NDArray[np.float32],
    frame_length: int,
    hop_length: int,
    first_start: int,
    n_frames: int,
    threshold: float,
    want_zcr: bool,
    want_rms: bool,
    n_threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float32]]: ...
def autocorrelate(
    signal: NDArray[np.float64],
    window: NDArray[np.float64],
    hop_length: int,
    first_start: int,
    n_frames: int,
    n_lags: int,
    unbiased: bool,
    n_threads: int,
) -> NDArray[np.float64]: ...
def power_spectra(
    signal: NDArray[np.float32],
    window: NDArray[np.float32],
    starts: NDArray[np.intp],
    n_fft: int,
    n_threads: int,
) -> NDArray[np.float32]: ...
def resample_frames(
    signal: NDArray[np.float32],
    window: NDArray[np.float32],
    starts: NDArray[np.intp],
    n_fft: int,
    n_bins: int,
    n_back: int,
    length: int,
    n_threads: int,
) -> NDArray[np.float32]: ...
def band_spectra(
    signal: NDArray[np.float32],
    window: NDArray[np.float32],
    starts: NDArray[np.intp],
    n_fft: int,
    basis: NDArray[np.float32],
    least: float,
    scale: float,
    cosines: NDArray[np.float32] | None,
    n_threads: int,
) -> NDArray[np.float32]: ...
def logarithms(x: NDArray[np.float32], least: float, scale: float, n_threads: int) -> NDArray[np.float32]: ...
def project(rows: NDArray[np.float32], basis: NDArray[np.float32], n_threads: int) -> NDArray[np.float32]: ...
def track_pitch(
    signal: NDArray[np.float32],
    frame_length: int,
    hop_length: int,
    first_start: int,
    n_frames: int,
    options: PitchOptions,
    n_threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
def burg_formants(
    rows: NDArray[np.float64], order: int, margin: float, n_formants: int, n_threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def glottal_pulses(
    signal: NDArray[np.float32], f0: NDArray[np.float64], hop_length: int
) -> NDArray[np.float64]: ...
def frame_perturbation(
    signal: NDArray[np.float32],
    f0: NDArray[np.float32],
    first: int,
    hop_length: int,
    half: int,
    n_threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
def subharmonic_pitch(
    power: NDArray[np.float32], places: NDArray[np.intp], n_frames: int, sample_rate: float, n_threads: int
) -> NDArray[np.float32]: ...
def harmonic_levels(
    power: NDArray[np.float32],
    sample_rate: float,
    f0: NDArray[np.float32],
    formants: NDArray[np.float32],
    n_threads: int,
) -> NDArray[np.float32]: ...
def period_perturbation(
    signal: NDArray[np.float32], f0: NDArray[np.float32], hop_length: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
def swapped_poles(
    rows: NDArray[np.float32], order: int, margin: float, count: int, n_threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
def describe_spectra(
    power: NDArray[np.float32],
    bases: NDArray[np.float32],
    slopes: NDArray[np.float32],
    ear: NDArray[np.float32],
    lifted: NDArray[np.float32],
) -> NDArray[np.float64]: ...
def smooth_tracks(
    tracks: NDArray[np.float64], gaps: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def contour(values: NDArray[np.float64], step: float) -> NDArray[np.float64]: ...

# fusion
def centre(
    X: NDArray[np.float32] | NDArray[np.float64], n_threads: int
) -> tuple[NDArray[np.float32], float]: ...
def nearest_neighbors(
    exact: NDArray[Any],
    near: NDArray[np.float32],
    scale: float,
    labels: NDArray[np.int32],
    groups: NDArray[np.int32] | None,
    sides: NDArray[np.int32] | None,
    k: int,
    other: bool,
    distances: bool,
    n_threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...
def nearest_pairs(
    exact: NDArray[Any],
    near: NDArray[np.float32],
    scale: float,
    labels: NDArray[np.int32],
    groups: NDArray[np.int32] | None,
    sides: NDArray[np.int32] | None,
    k: int,
    per_label: bool,
    n_threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]]: ...
def adjacency(
    n: int, source: NDArray[np.int32] | None, target: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
def scatter(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], Z: NDArray[np.float64], n_threads: int
) -> NDArray[np.float64]: ...
def solve_symmetric(
    A: NDArray[np.float64], B: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
