"""Weights and training states as files: safetensors with a JSON description, without pickled classes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from debleed.io.documents import Place, json_line, write_bytes
from debleed.nets import NEEDS_TRAINING
from debleed.recording import InputError

FORMAT = 1
"""Version of the checkpoint format; others are refused."""


def save(path: Place, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write tensors and their description; an interrupted run leaves the previous file."""
    try:
        import safetensors.torch
    except ModuleNotFoundError:
        raise InputError(NEEDS_TRAINING) from None
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    stored = {**description, "format": FORMAT, "sha256": digest(whole)}
    write_bytes(path, safetensors.torch.save(whole, {"debleed": json_line(stored)}))


def load(path: Place) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file that :func:`save` wrote.

    Raises
    ------
    InputError
        If the file is missing, damaged, from another program or of another version.
    """
    try:
        import safetensors
    except ModuleNotFoundError:
        raise InputError(NEEDS_TRAINING) from None
    path = Path(path)
    if not path.is_file():
        raise InputError(f"the file '{path}' with weights does not exist")
    try:
        with safetensors.safe_open(path, "pt") as file:
            stored = json.loads((file.metadata() or {})["debleed"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            form, expected = stored["format"], stored["sha256"]
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError):
        raise InputError(f"'{path}' is damaged or not a checkpoint of debleed; delete it or copy it again") from None
    if form != FORMAT:
        raise InputError(f"'{path}' has checkpoint format {form}, but this version reads format {FORMAT}; train again")
    if digest(tensors) != expected:
        raise InputError(f"'{path}' is damaged: its checksum is wrong; delete it or copy it again")
    return tensors, stored


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names, shapes and values."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}".encode())
        found.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def load_network(path: Place, network: torch.nn.Module, new: tuple[str, ...] = ()) -> dict[str, Any]:
    """Load weights of any precision into a network.

    Parameters whose names begin with one of ``new`` keep their values if the file has none of them.

    Raises
    ------
    InputError
        As :func:`load`, and if the weights belong to a network with other shapes.
    """
    tensors, stored = load(path)
    state = {name.removeprefix("net."): tensor for name, tensor in tensors.items() if name.startswith("net.")}
    own = network.state_dict()
    added = {name: value for name, value in own.items() if name.startswith(new)}
    if not added.keys() & state.keys():
        state |= added
    if {name: value.shape for name, value in state.items()} != {name: value.shape for name, value in own.items()}:
        raise InputError(f"'{path}' contains the weights of another network or variant; name the one that was trained")
    network.load_state_dict({name: value.to(own[name].dtype) for name, value in state.items()})
    return stored
