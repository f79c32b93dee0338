"""Weights and states of training as files: safetensors with a description in JSON, never pickled classes."""

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
"""Of checkpoints; one of another format is refused."""


def save(path: Place, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write tensors and what is to be known about them; a killed run leaves the file that was there."""
    try:
        import safetensors.torch
    except ModuleNotFoundError:
        raise InputError(NEEDS_TRAINING) from None
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    told = {**description, "format": FORMAT, "sha256": digest(whole)}
    write_bytes(path, safetensors.torch.save(whole, {"debleed": json_line(told)}))


def load(path: Place) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`save` wrote.

    Raises
    ------
    InputError
        Where the file is missing, damaged, of another program or of another version.
    """
    try:
        import safetensors
    except ModuleNotFoundError:
        raise InputError(NEEDS_TRAINING) from None
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file '{path}' of weights")
    try:
        with safetensors.safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {})["debleed"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            form, expected = told["format"], told["sha256"]
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError):
        raise InputError(f"'{path}' is damaged, or no checkpoint of debleed; delete it, or copy it again") from None
    if form != FORMAT:
        raise InputError(f"'{path}' is a checkpoint of format {form}, this version reads {FORMAT}; train anew")
    if digest(tensors) != expected:
        raise InputError(f"'{path}' is damaged: its weights are others than were written; delete it, or copy it again")
    return tensors, told


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and values."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}".encode())
        found.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def load_network(path: Place, network: torch.nn.Module, new: tuple[str, ...] = ()) -> dict[str, Any]:
    """Fill a network with weights, whatever their precision.

    Parts of it that are ``new``, by the beginnings of their names, stay as they are where the file has none of them.

    Raises
    ------
    InputError
        As :func:`load`, and where the weights are of a network of other shapes.
    """
    tensors, told = load(path)
    state = {name.removeprefix("net."): tensor for name, tensor in tensors.items() if name.startswith("net.")}
    own = network.state_dict()
    added = {name: value for name, value in own.items() if name.startswith(new)}
    if not added.keys() & state.keys():
        state |= added
    if {name: value.shape for name, value in state.items()} != {name: value.shape for name, value in own.items()}:
        raise InputError(f"'{path}' holds the weights of another network or variant; name the one it was trained as")
    network.load_state_dict({name: value.to(own[name].dtype) for name, value in state.items()})
    return told
