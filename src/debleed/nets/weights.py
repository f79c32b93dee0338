"""Shipped networks, which run without PyTorch."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from debleed.io.documents import Place
from debleed.recording import InputError

FOLDER = Path(__file__).parent / "weights"
"""For each network ``<name>.onnx`` to run, ``<name>.safetensors`` to continue training, ``<name>.json`` and its card.

The ``.safetensors`` are half of the size, and a wheel leaves them out (``pyproject.toml``): see :func:`find_start`.
"""


def shipped() -> list[str]:
    """List the names of the networks that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.onnx"))


def find(name: str, folder: Place | None = None) -> Path:
    """Return the path of a network: a shipped one, or one that ``debleed train`` wrote into a folder.

    Raises
    ------
    InputError
        If there is none.
    """
    path = Path(folder or FOLDER) / f"{name}.onnx"
    if path.is_file() and path.with_suffix(".json").is_file():
        return path
    if folder is None:
        raise InputError(f"no network '{name}' is shipped, only {', '.join(shipped())}; train one with 'debleed train'")
    raise InputError(
        f"there is no {name}.onnx in '{folder}' with its {name}.json beside it; 'debleed train' makes them"
    )


def find_start(name: str) -> Path:
    """Return the weights of a shipped network with which training can be continued.

    Raises
    ------
    InputError
        If no such network is shipped, or if the package was installed from a wheel, which does not contain them.
    """
    path = find(name).with_suffix(".safetensors")
    if not path.is_file():
        raise InputError(
            f"'{path.name}' is not installed, because a wheel only contains what running '{name}' needs; "
            "download the file from debleed's repository or source distribution and give its path to --start"
        )
    return path


@lru_cache(maxsize=32)
def describe(path: Path) -> dict[str, Any]:
    """Read the description of a network (:func:`find`) and verify its checksum.

    Raises
    ------
    InputError
        If the network is damaged or does not match its description.
    """
    try:
        described: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        expected = described["sha256"]["onnx"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"'{path.with_suffix('.json')}' is damaged; copy it again or train again") from None
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise InputError(f"'{path}' is damaged: its checksum is wrong; copy it again")
    return described
