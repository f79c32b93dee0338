"""The mishaps by name, in the order in which sound passes them, and how they are asked for and described."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from debleed.recording import InputError
from debleed.scenes.onstage.filed import Direct, Dual, Mix, Safety
from debleed.scenes.onstage.mishap import Mishap, Where
from debleed.scenes.onstage.moving import Handheld, Lavalier, Passing, Swaying
from debleed.scenes.onstage.recorded import Clipping, Clock, Compressor, Jump, Offset
from debleed.scenes.onstage.sounding import Click, Crowd, Pair, Wedge

MISHAPS: Mapping[str, type[Mishap]] = MappingProxyType(
    {
        each.kind: each
        for each in (
            *(Pair, Lavalier, Handheld, Swaying, Passing),  # who moves
            *(Wedge, Crowd, Click),  # what else sounds in the room
            *(Compressor, Clipping, Clock, Jump, Offset),  # on the way to the track
            *(Direct, Safety, Mix, Dual),  # in the folder
        )
    }
)
"""Name → mishap. A new one is registered here and nowhere else; its place is where it acts."""


@dataclass(frozen=True)
class Asked:
    """A mishap that is asked for: its kind, and how strong (a number, a range to draw from, or the usual)."""

    mishap: type[Mishap]
    strength: tuple[float, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> Asked:
        """Read a name such as ``crowd``, with a strength as in ``crowd=-20`` or a range as in ``crowd=-25,-10``.

        Raises
        ------
        InputError
            For an unknown name, a strength that is not a number or an ascending range, and one of a mishap without.
        """
        name, equals, number = (part.strip() for part in text.partition("="))
        if name not in MISHAPS:
            raise InputError(f"there is no mishap '{name}'; the mishaps are {', '.join(MISHAPS)}")
        if not equals:
            return cls(MISHAPS[name])
        if MISHAPS[name].strength is None:
            raise InputError(f"the mishap '{name}' has no strength; write the name alone")
        try:
            strength = tuple(float(part) for part in number.split(","))
        except ValueError:
            strength = ()
        if len(strength) not in (1, 2) or list(strength) != sorted(strength):
            raise InputError(
                f"the strength of the mishap '{name}' must be a number or an ascending range, such as 1 or 1,2, "
                f"got '{number}'"
            )
        return cls(MISHAPS[name], strength)

    def draw(self, where: Where, rng: np.random.Generator) -> Mishap:
        """Draw the mishap."""
        drawn = self.mishap.draw(where, rng)
        if not self.strength or drawn.strength is None:
            return drawn
        low, high = self.strength[0], self.strength[-1]
        return replace(drawn, **{drawn.strength: low if low == high else round(float(rng.uniform(low, high)), 3)})


def in_order(kinds: Sequence[type[Mishap]]) -> list[int]:
    """Return the indices that bring mishaps into the order of :data:`MISHAPS`."""
    order = list(MISHAPS.values())
    return sorted(range(len(kinds)), key=lambda k: order.index(kinds[k]))


def mishap_from(values: Mapping[str, Any]) -> Mishap:
    """Build a mishap from its description.

    Raises
    ------
    InputError
        For an unknown kind, and missing or unknown keys.
    """
    if not isinstance(values, dict) or values.get("kind") not in MISHAPS:
        raise InputError(f"the description of a mishap must name its kind, one of {', '.join(MISHAPS)}")
    return MISHAPS[values["kind"]].from_values({key: value for key, value in values.items() if key != "kind"})
