"""The voice: framewise descriptors, pitch, spectra, and vectors that describe a whole clip."""

from stcorner.audio.framewise import autocorrelate, rms, zcr_and_rms, zero_crossing_rate
from stcorner.audio.pitch import harmonicity, pitch_autocorrelation
from stcorner.audio.recipes import RECIPES, clip_features, feature_names
from stcorner.audio.spectral import (
    chroma,
    delta,
    melspectrogram,
    mfcc,
    power_spectrogram,
    power_to_db,
    spectral_features,
)

__all__ = [
    "RECIPES",
    "autocorrelate",
    "chroma",
    "clip_features",
    "delta",
    "feature_names",
    "harmonicity",
    "melspectrogram",
    "mfcc",
    "pitch_autocorrelation",
    "power_spectrogram",
    "power_to_db",
    "rms",
    "spectral_features",
    "zcr_and_rms",
    "zero_crossing_rate",
]
