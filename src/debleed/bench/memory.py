"""The peak memory of this process since a point in time, on Linux."""

from __future__ import annotations

from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory() -> float | None:
    """Return the peak memory of this process since :func:`forget_peak` in MiB; ``None`` without /proc."""
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def forget_peak() -> float | None:
    """Reset the peak, and return the memory now in use in MiB."""
    try:
        RESET.write_text("5", encoding="ascii")
    except OSError:
        return None
    return peak_memory()
