"""Limits and places of the local web app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stcorner._base.validation import check_integer, check_real

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the app accepts and how much it does at once.

    Attributes
    ----------
    model : str or Path, optional
        Shipped model name or model file; None takes the shipped one if there is any.
    max_upload_bytes : int
        Largest file that is accepted.
    max_duration : float
        Longest clip in seconds.
    uploads_per_minute : int
        Uploads that one client address may start in any minute.
    max_waiting : int
        Jobs that may wait, uploads under way included; further uploads are told to come back.
    max_kept : int
        Finished jobs whose results are kept; the oldest make room.
    n_workers : int
        Jobs that run at once, each in a process of its own.
    job_timeout : float
        Seconds after which a job's process is ended.
    job_memory_bytes : int
        Address space that a job's process may use (where the system can limit it).
    keep_seconds : float
        Seconds for which a finished result can be fetched before it is deleted.
    head_timeout : float
        Seconds in which the head of a request must have come; a connection without a request ends then.
    body_pause : float
        Seconds for which an upload, or the reader of an answer, may pause. An upload that is older must
        have come at 16 KiB a second.
    folder : Path, optional
        Where uploads and results lie while they are needed; None makes a temporary folder. What a server
        that was killed left in either is deleted when the next one starts.
    """

    model: str | Path | None = None
    max_upload_bytes: int = 200 * 1024 * 1024
    max_duration: float = 600.0
    uploads_per_minute: int = 120
    max_waiting: int = 100
    max_kept: int = 2000
    n_workers: int = 2
    job_timeout: float = 600.0
    job_memory_bytes: int = 8 * 1024**3
    keep_seconds: float = 3600.0
    head_timeout: float = 10.0
    body_pause: float = 15.0
    folder: Path | None = None

    def __post_init__(self) -> None:
        """Refuse limits that make no sense."""
        for name in ("max_upload_bytes", "uploads_per_minute", "n_workers", "job_memory_bytes", "max_kept"):
            check_integer(name, getattr(self, name), low=1)
        check_integer("max_waiting", self.max_waiting, low=0)
        for name in ("max_duration", "job_timeout", "keep_seconds", "head_timeout", "body_pause"):
            check_real(name, getattr(self, name), low=0.0, open_low=True)
