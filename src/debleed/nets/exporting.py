"""Export of networks to ONNX, so that they run without PyTorch."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from debleed.nets import NEEDS_TRAINING
from debleed.recording import InputError

OPSET = 18


def export(network: Any, path: Path, any_mics: bool, half: bool = True) -> None:
    """Write a network as an ONNX file.

    Parameters
    ----------
    network
        A network from :func:`debleed.nets.build`.
    path
        The file.
    any_mics
        Whether the number of microphones is variable.
    half
        Whether weights are stored in half precision; computations use single precision in any case.

    Raises
    ------
    InputError
        If the required packages are missing.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - the exporter needs it
    except ModuleNotFoundError:
        raise InputError(NEEDS_TRAINING) from None
    module, shape = network.export()
    was = network.training
    module.eval()
    example = torch.zeros(1, *shape)
    dynamic = ({1: torch.export.Dim("mics", min=1, max=64)},) if any_mics else None
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # warnings about the exporter's own code
            torch.onnx.export(
                module,
                (example,),
                path,
                input_names=["mics"],
                output_names=["out"],
                dynamic_shapes=dynamic,
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
                verbose=False,
            )
    finally:
        noisy.setLevel(level)
        network.train(was)
    model = onnx.load(path)
    forget_origin(model)
    if half:
        halve(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def forget_origin(model: Any) -> None:
    """Remove the source locations that the exporter attaches to every node; they contain local folder names."""
    for part in (model, model.graph, *model.functions, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    for part in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""


def halve(model: Any) -> None:
    """Store the large weights of an ONNX model in half precision, with a cast to single precision."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 256:
            name = tensor.name
            half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
            tensor.CopyFrom(half)
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
