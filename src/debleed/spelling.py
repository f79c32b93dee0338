"""Names of version 0.1 that version 0.2 accepts with a warning; to be removed in version 0.3."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

log = logging.getLogger(__name__)

OLD: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "method": {"linear": "instantaneous"},
        "preset": {
            "founding-linear": "waspaa2023-linear",
            "founding-room-0.25": "waspaa2023-room-0.25",
            "founding-room-0.35": "waspaa2023-room-0.35",
            "founding-hall-0.8": "waspaa2023-hall-0.8",
        },
        "variant": {"founding": "published"},
        "session key": {"voices": "sources", "voice_reduction": "source_reduction"},
        "option": {"--voice": "--source"},
        "scene key": {"voices": "sources", "sources": "source_positions", "microphones": "microphone_positions"},
    }
)
"""Kind of name → old name → new name."""


def current(kind: str, name: str) -> str:
    """Return the current name; log a warning for an old one.

    Examples
    --------
    >>> current("method", "linear"), current("method", "kamir")
    ('instantaneous', 'kamir')
    """
    new = OLD[kind].get(name)
    if new is None:
        return name
    log.warning("the %s '%s' is called '%s' now; the old name will be refused from version 0.3 on", kind, name, new)
    return new


def modernised(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of version 0.1 under the current names of their keys; log one warning.

    Examples
    --------
    >>> modernised("session key", {"voices": {}, "room": []})
    {'sources': {}, 'room': []}
    """
    old = [key for key in values if key in OLD[kind]]
    listed = ", ".join(f"'{key}' is '{OLD[kind][key]}' now" for key in old)
    log.warning("a %s has its name of version 0.1, which will be refused from version 0.3 on: %s", kind, listed)
    return {OLD[kind].get(key, key): value for key, value in values.items()}
