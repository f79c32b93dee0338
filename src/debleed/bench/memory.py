"""The most memory that this process has held since a moment, where the system tells (Linux)."""

from __future__ import annotations

from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory() -> float | None:
    """Most memory that this process has held since :func:`forget_peak`, in MiB; nothing where there is no /proc."""
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def forget_peak() -> float | None:
    """Begin anew with the peak, and return what is held now in MiB."""
    try:
        RESET.write_text("5", encoding="ascii")
    except OSError:
        return None
    return peak_memory()
