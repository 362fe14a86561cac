"""The table of interest points, and the files that hold it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.files import write_bytes
from stcorner._base.validation import check_array, check_choice
from stcorner.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    import os

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Stips"]

_FORMAT = 1
# Far more points than a video has corners; a file that claims more is no file of points.
_MAX_ARRAYS, _MAX_BYTES = 16, 1 << 30
_SIZES = re.compile(r"# frames \d{1,9} height \d{1,9} width \d{1,9}\s*$", re.ASCII)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stips:
    """Space-time interest points.

    Attributes
    ----------
    coordinates : ndarray of shape (n, 3), float64
        Sub-voxel positions (t, y, x): frames and pixels, counted from 0.
    response : ndarray of shape (n,), float32
        Response at the voxel.
    sigma, tau : ndarray of shape (n,), float64
        Scale of each point: standard deviations in pixels and frames.
    shape : (int, int, int)
        Frames, height and width of the video.
    seconds : ndarray of shape (n,), float64, or None
        Time on the file's clock, where the points came from a file.

    See Also
    --------
    detect_stips : Finds them.

    Examples
    --------
    >>> points = Stips(coordinates=[[5.0, 2.0, 3.0]], response=[1.5], sigma=[2.0], tau=[1.5], shape=(9, 8, 8))
    >>> len(points), points.frames.tolist()
    (1, [5])
    """

    coordinates: NDArray[np.float64]
    response: NDArray[np.float32]
    sigma: NDArray[np.float64]
    tau: NDArray[np.float64]
    shape: tuple[int, int, int]
    seconds: NDArray[np.float64] | None = field(default=None)

    def __post_init__(self) -> None:
        """Check and convert the columns."""
        coordinates = np.asarray(self.coordinates, np.float64)
        if coordinates.size == 0:
            coordinates = coordinates.reshape(0, 3)
        if coordinates.ndim != 2 or coordinates.shape[1] != 3:
            raise ParameterError(f"coordinates must have shape (n, 3), got {coordinates.shape}")
        n = len(coordinates)
        object.__setattr__(self, "coordinates", _column("coordinates", coordinates, n, np.float64))
        object.__setattr__(self, "response", _column("response", self.response, n, np.float32))
        object.__setattr__(self, "sigma", _column("sigma", self.sigma, n, np.float64))
        object.__setattr__(self, "tau", _column("tau", self.tau, n, np.float64))
        object.__setattr__(self, "shape", tuple(int(v) for v in self.shape))
        if len(self.shape) != 3:
            raise ParameterError(f"shape must be (t, y, x), got {self.shape}")
        if self.seconds is not None:
            object.__setattr__(self, "seconds", _column("seconds", self.seconds, n, np.float64))

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.coordinates)

    def __getitem__(self, index: Any) -> Stips:
        """Return the points that a slice, a mask or an array of indices picks."""
        if isinstance(index, int | np.integer):
            raise ParameterError(f"index must be a slice, a mask or an array of indices, got {index!r}")
        return Stips(
            coordinates=self.coordinates[index],
            response=self.response[index],
            sigma=self.sigma[index],
            tau=self.tau[index],
            shape=self.shape,
            seconds=None if self.seconds is None else self.seconds[index],
        )

    def __repr__(self) -> str:
        """Name the number of points and the size of the video."""
        return f"Stips({len(self)} points in {self.shape[0]} frames of {self.shape[1]} x {self.shape[2]})"

    @property
    def frames(self) -> NDArray[np.int64]:
        """Nearest frame of each point."""
        return np.rint(self.coordinates[:, 0]).astype(np.int64)

    def to_pandas(self) -> pd.DataFrame:
        """Return a table with columns t, y, x, sigma, tau, response and, for a file, seconds.

        Returns
        -------
        DataFrame
            One row per point, strongest first; needs the extra ``table``.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtraError("Stips.to_pandas", "pandas", "table") from None
        columns: dict[str, Any] = dict(zip("tyx", self.coordinates.T, strict=True))
        columns.update(sigma=self.sigma, tau=self.tau, response=self.response)
        if self.seconds is not None:
            columns["seconds"] = self.seconds
        return pd.DataFrame(columns)

    def save(self, path: str | os.PathLike[str], *, format: str | None = None) -> None:
        """Write the points to a file.

        Parameters
        ----------
        path : path
            File to write; it is replaced as a whole or not at all.
        format : {"npz", "laptev"}, optional
            Default: ``"laptev"`` for ``.txt``, else ``"npz"`` (numpy, no pickle).

        Raises
        ------
        OutputError
            If the file cannot be written.

        Notes
        -----
        The text format is that of Laptev's detector: lines starting with ``#`` are comments, then one
        point a line, columns separated by blanks: ``point-type x y t sigma2 tau2 confidence``, where
        x, y (pixels, from 1), t (frames, from 1), sigma2 and tau2 are variances, and point-type is 4.
        The clock and the size of the video do not fit in and are written as a comment.
        """
        target = Path(path)
        if _format_of(target, format) == "laptev":
            write_bytes(target, self._laptev_text().encode())
            return
        import io

        arrays: dict[str, Any] = {
            "format": np.int64(_FORMAT),
            "coordinates": self.coordinates,
            "response": self.response,
            "sigma": self.sigma,
            "tau": self.tau,
            "shape": np.asarray(self.shape, np.int64),
        }
        if self.seconds is not None:
            arrays["seconds"] = self.seconds
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)
        write_bytes(target, stream.getvalue())

    def _laptev_text(self) -> str:
        t, height, width = self.shape
        lines = [
            f"# frames {t} height {height} width {width}",
            "# point-type x y t sigma2 tau2 confidence",
        ]
        rows = zip(self.coordinates.tolist(), self.sigma, self.tau, self.response, strict=True)
        for (at, y, x), sigma, tau, value in rows:
            lines.append(f"4 {x + 1:.6g} {y + 1:.6g} {at + 1:.8g} {sigma**2:.8g} {tau**2:.8g} {value:.9g}")
        return "\n".join(lines) + "\n"

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, format: str | None = None) -> Stips:
        """Read points that `save` or Laptev's detector wrote.

        Parameters
        ----------
        path : path
            File to read.
        format : {"npz", "laptev"}, optional
            Default: ``"laptev"`` for ``.txt``, else ``"npz"``.

        Raises
        ------
        ParameterError
            If the file does not have the format.
        """
        source = Path(path)
        if _format_of(source, format) == "laptev":
            return _read_laptev(source)
        from stcorner._base.archives import read_npz

        size = source.stat().st_size
        if size > _MAX_BYTES:
            raise ParameterError(f"path must be a stips file, got {source} of {size} bytes")
        content = source.read_bytes()
        try:
            data = read_npz(content, max_members=_MAX_ARRAYS, max_bytes=_MAX_BYTES)
            if "format" not in data or int(data["format"]) != _FORMAT:
                raise ParameterError(f"path must be a stips file of format {_FORMAT}, got {source}")
            return cls(
                coordinates=data["coordinates"],
                response=data["response"],
                sigma=data["sigma"],
                tau=data["tau"],
                shape=tuple(data["shape"].tolist()),
                seconds=data.get("seconds"),
            )
        except ParameterError:
            raise
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ParameterError(
                f"path must be a whole stips file, got {source} ({error}): save it again"
            ) from None


def _column(name: str, values: ArrayLike, n: int, dtype: type) -> NDArray[Any]:
    array = check_array(name, values, dtype=dtype, allow_empty=True)
    if len(array) != n:
        raise ParameterError(f"{name} must have one row per point ({n}), got {len(array)}")
    return array


def _format_of(path: Path, format: str | None) -> str:
    if format is None:
        return "laptev" if path.suffix == ".txt" else "npz"
    return check_choice("format", format, ("npz", "laptev"))


def _read_laptev(path: Path) -> Stips:
    shape, rows = (0, 0, 0), []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ParameterError(f"path must hold text, got {path} ({error})") from None
    for number, line in enumerate(lines, 1):
        words = line.split()
        if _SIZES.match(line):
            shape = (int(words[2]), int(words[4]), int(words[6]))
        if not words or words[0].startswith("#"):
            continue
        try:
            values = [float(word) for word in words[:7]]
        except ValueError:
            values = []
        if len(values) < 7:
            raise ParameterError(
                f"path must hold 7 numbers a line (type x y t sigma2 tau2 confidence), got {line!r} "
                f"in line {number} of {path}"
            )
        rows.append(values)
    table = np.asarray(rows, float).reshape(-1, 7)
    if not np.isfinite(table).all() or (np.abs(table) > 1e15).any():
        raise ParameterError(f"path must hold finite numbers up to 1e15, got others in {path}")
    if (table[:, 4:6] <= 0).any():
        raise ParameterError(f"path must hold variances > 0, got {table[:, 4:6].min():g} in {path}")
    if len(table) and shape == (0, 0, 0):  # written by another program: the smallest video that fits
        t, y, x = (int(np.ceil(table[:, i].max())) for i in (3, 2, 1))
        shape = (t, y, x)
    return Stips(
        coordinates=table[:, [3, 2, 1]] - 1,
        response=table[:, 6].astype(np.float32),
        sigma=np.sqrt(table[:, 4]),
        tau=np.sqrt(table[:, 5]),
        shape=shape,
    )
