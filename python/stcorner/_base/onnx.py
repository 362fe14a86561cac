"""The package onnx, imported where it is needed, or the extra that brings it."""

from __future__ import annotations

from typing import Any

from stcorner.errors import MissingExtraError

__all__ = ["import_onnx"]


def import_onnx() -> Any:
    """Return onnx, or say which extra brings it."""
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("ONNX files", "onnx", "onnx") from None
    return onnx
