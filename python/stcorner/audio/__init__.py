"""The voice: framewise descriptors, pitch, spectra, and vectors that describe a whole clip."""

from stcorner._base.columns import ColumnDescription
from stcorner.audio.activity import trim_silence, voice_activity
from stcorner.audio.columns import describe_column
from stcorner.audio.derivative import delta
from stcorner.audio.descriptors import DESCRIPTORS, Descriptor
from stcorner.audio.frames import AudioStream, frame_table
from stcorner.audio.framewise import autocorrelate, rms, zcr_and_rms, zero_crossing_rate
from stcorner.audio.patch import log_mel_patch, log_mel_patch_names
from stcorner.audio.pitch import harmonicity, pitch_autocorrelation, pitch_remarks
from stcorner.audio.presence import speech_presence
from stcorner.audio.recipes import RECIPES, clip_features, feature_names
from stcorner.audio.spectral import (
    chroma,
    log_mel,
    melspectrogram,
    mfcc,
    power_to_db,
    spectral_features,
)
from stcorner.audio.transform import power_spectrogram
from stcorner.audio.voice import (
    cepstral_peak_prominence,
    formants,
    glottal_pulses,
    jitter,
    shimmer,
    voice_quality,
)

__all__ = [
    "DESCRIPTORS",
    "RECIPES",
    "AudioStream",
    "ColumnDescription",
    "Descriptor",
    "autocorrelate",
    "cepstral_peak_prominence",
    "chroma",
    "clip_features",
    "delta",
    "describe_column",
    "feature_names",
    "formants",
    "frame_table",
    "glottal_pulses",
    "harmonicity",
    "jitter",
    "log_mel",
    "log_mel_patch",
    "log_mel_patch_names",
    "melspectrogram",
    "mfcc",
    "pitch_autocorrelation",
    "pitch_remarks",
    "power_spectrogram",
    "power_to_db",
    "rms",
    "shimmer",
    "spectral_features",
    "speech_presence",
    "trim_silence",
    "voice_activity",
    "voice_quality",
    "zcr_and_rms",
    "zero_crossing_rate",
]
