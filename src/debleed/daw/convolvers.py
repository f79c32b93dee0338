"""Configurations of real-time convolvers that run a matrix of filters: jconvolver and BruteFIR.

jconvolver's format is described in its README.CONFIG; fconvolver, which filters files, and mcfx_convolver, a plug-in,
read it too. BruteFIR's is described in its manual.
"""

from __future__ import annotations

from collections.abc import Sequence

FILES = ("jconvolver.conf", "brutefir.conf")
"""Names of the files."""

PARTITION = 256
"""Samples of the shortest partition: what audio interfaces are often set to. Both programs work with any power of 2."""

Written = Sequence[tuple[int, int, str, int]]
"""Output, input, file and size of the file's header in bytes, of each filter."""


def jconvolver(rate: int, names: Sequence[str], length: int, latency: int, written: Written) -> str:
    """Return a configuration for jconvolver.

    Parameters
    ----------
    rate
        Sampling rate in Hz.
    names
        The microphones, which are inputs and outputs.
    length, latency
        Samples of each filter, and samples by which the outputs are late.
    written
        The filters.
    """
    lines = [*_head(rate, names, latency), f"/convolver/new {len(names)} {len(names)} {PARTITION} {length}"]
    lines += [f"/{kind}/name {k + 1} {_port(name)}" for kind in ("input", "output") for k, name in enumerate(names)]
    lines += [f"/impulse/read {source + 1} {output + 1} 1 0 0 0 1 {file}" for output, source, file, _ in written]
    return "\n".join(lines) + "\n"


def brutefir(rate: int, names: Sequence[str], length: int, latency: int, written: Written) -> str:
    """Return a configuration for BruteFIR that filters raw 32-bit floats from its standard input to its output.

    The parameters are those of :func:`jconvolver`.
    """
    blocks = -(-length // PARTITION)
    device = 'device: "file" { path: "/dev/%s"; }; sample: "FLOAT_LE"; channels: ' + f"{len(names)};"
    lines = [
        *_head(rate, names, latency),
        f"sampling_rate: {rate};",
        f"filter_length: {PARTITION},{blocks};",
        "show_progress: false;",
    ]
    for kind, end in (("input", "stdin"), ("output", "stdout")):
        ports = ", ".join(f'"{kind} {k + 1}"' for k in range(len(names)))
        lines.append(f"{kind} {ports} {{ {device % end} }};")
    for output, source, file, header in written:
        name = file.removesuffix(".wav")
        lines.append(f'coeff "{name}" {{ filename: "{file}"; format: "FLOAT_LE"; skip: {header}; }};')
        places = f'from_inputs: "input {source + 1}"; to_outputs: "output {output + 1}";'
        lines.append(f'filter "{name}" {{ {places} coeff: "{name}"; }};')
    return "\n".join(lines) + "\n"


def _head(rate: int, names: Sequence[str], latency: int) -> list[str]:
    """Describe the filters as comments."""
    return [
        "# The filters of a debleed stage, from every microphone to every microphone. Run in this folder.",
        f"# Sampling rate: {rate} Hz. Latency of the filters: {latency} samples ({1000 * latency / rate:.1f} ms), to "
        "which the program adds its own.",
        *(f"# {k + 1}: {_port(name)}" for k, name in enumerate(names)),
    ]


def _port(name: str) -> str:
    """Return a name without what could end a word, a line or a comment.

    Examples
    --------
    >>> _port("Kick in/out 2")
    'Kick_in_out_2'
    """
    return "".join(char if char.isalnum() or char in "-." else "_" for char in name)
