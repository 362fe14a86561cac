"""Keras, imported where it is needed, or the extra that brings it."""

from __future__ import annotations

import os
from typing import Any

from stcorner.errors import MissingExtraError

__all__ = ["import_keras"]


def import_keras() -> Any:
    """Return Keras, on JAX unless ``KERAS_BACKEND`` says otherwise.

    The variable is read by Keras at its first import; a Keras that is already imported keeps its
    backend.
    """
    # Keras' own default is TensorFlow, which this package neither needs nor installs.
    os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        import keras
    except ImportError:
        raise MissingExtraError("training of networks", "Keras and a backend", "cnn") from None
    return keras
