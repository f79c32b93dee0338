"""The settings of a draw: fields of a dataclass for each kind of scene.

A field carries its own help, so the command line derives its options from it (:mod:`debleed.cli.scene_options`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from debleed.recording import InputError


def about(
    help: str,
    *,
    choices: Sequence[str] | None = None,
    option: str | None = "",
    metavar: str | None = None,
    example: str | None = None,
) -> dict[str, Any]:
    """Describe a field of :class:`Settings`, as its ``metadata``.

    Parameters
    ----------
    help
        One or two sentences for the command line.
    choices
        The texts that the value may be; any value of the field's type if not given.
    option
        Name of the option on the command line; derived from the name of the field if empty, no option if None.
    metavar, example
        How the help of the option shows its value, and a value that it accepts, for the message that refuses another.
    """
    return {"help": help, "choices": choices, "option": option, "metavar": metavar, "example": example}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that every kind of scene has.

    Parameters
    ----------
    groups
        Stems that are one source with one microphone, such as ``{"drums": ("kick", "snare")}``. The stems of a source
        stand within half the microphone's distance of its middle, each as loud in the microphone as in the mix.
    without_mic
        Sources that have no microphone. They bleed, and the rest of the scene does not change.
    noise_db
        Level of white noise in each microphone against the RMS of the sources there; none if not given.

    Raises
    ------
    InputError
        For a value that is not one of the choices of its field, or a level that is not a number.
    """

    groups: Mapping[str, Sequence[str]] | None = field(
        default=None,
        metadata=about(
            "Several stems are one source with one microphone; repeat for more sources.",
            option="--group",
            metavar="SOURCE=STEM,STEM",
            example="drums=kick,snare",
        ),
    )
    without_mic: Sequence[str] = field(
        default=(),
        metadata=about(
            "This source bleeds into the microphones and has none of its own; repeat for more sources.",
            metavar="SOURCE",
        ),
    )
    noise_db: float | None = field(
        default=None,
        metadata=about("Level of noise in each microphone against the sources there, such as -40.", metavar="DB"),
    )

    def __post_init__(self) -> None:
        for known in fields(self):
            choices, value = known.metadata["choices"], getattr(self, known.name)
            if choices is not None and value not in choices:
                what = known.name.replace("_", " ")
                raise InputError(f"there is no {what} '{value}'; it is one of {', '.join(choices)}")
        if self.noise_db is not None and not math.isfinite(self.noise_db):
            raise InputError(f"the level of the noise must be a number of dB, got {self.noise_db}")

    @classmethod
    def of(cls, kind: str, values: Mapping[str, Any]) -> Self:
        """Check the names of settings and build them; lists, as JSON and TOML have them, become tuples.

        Parameters
        ----------
        kind
            Name of the kind of scene, for the message.

        Raises
        ------
        InputError
            For a setting that this kind of scene does not have.
        """
        known = [each.name for each in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise InputError(f"{kind} bleed has no setting '{unknown[0]}'; its settings are {', '.join(known)}")
        return cls(**{name: frozen(value) for name, value in values.items()})


def frozen(value: Any) -> Any:
    """Turn lists, at any depth, into tuples.

    Examples
    --------
    >>> frozen([[1, 2], "a"])
    ((1, 2), 'a')
    """
    return tuple(map(frozen, value)) if isinstance(value, list) else value
