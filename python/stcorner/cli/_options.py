"""Options that commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from stcorner.recognizer import EmotionRecognizer

__all__ = ["RecognizerOptions"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RecognizerOptions:
    """What a recogniser is made of.

    Parameters
    ----------
    modality
        What of the clips to use.
    recipe
        Description of the sound: rich, paper162 or notebook162.
    fusion
        How sound and face are put together.
    classifier
        The default, which does best on unheard people, or the network of the paper.
    validation_fraction
        Share of the people that the network of the paper holds out to know when to stop, 0.15 unless given.
        With few people: 0, which holds out nobody and trains through all epochs.
    label_map
        OLD=NEW renames a label, OLD= drops its clips; may be given several times.
    augment
        Altered copies that are added of each training clip, one for each time that this is given: speed,
        slower, faster, noise, pitch, stretch, gain or room, several joined by +; or none. Default: the
        recogniser's own.
    seed
        Seed of everything that is drawn.
    """

    modality: Literal["both", "audio", "video"] = "both"
    recipe: str = "rich"
    fusion: Literal["concatenate", "mfa", "mfa_per_modality", "cca", "lda"] = "concatenate"
    classifier: Literal["discriminant", "fercnn"] = "discriminant"
    validation_fraction: float | None = None
    label_map: tuple[str, ...] = ()
    augment: tuple[str, ...] = ()
    seed: int = 0

    def recognizer(self, **more: Any) -> EmotionRecognizer:
        """Return an unfitted recogniser; clips are renamed when they are read, so it maps no labels."""
        from stcorner.recognizer import EmotionRecognizer

        if self.augment:
            more["augment"] = None if self.augment == ("none",) else self.augment
        if self.validation_fraction is not None:
            if self.classifier != "fercnn":
                raise ParameterError(
                    f"--validation-fraction must come with --classifier fercnn, got {self.classifier}"
                )
            more["classifier_params"] = {"validation_fraction": self.validation_fraction}
        return EmotionRecognizer(
            self.modality,
            recipe=self.recipe,
            fusion=self.fusion,
            classifier=self.classifier,
            random_state=self.seed,
            **more,
        )
