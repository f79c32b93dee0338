"""Signals that end a command: as an exception that cleans up, with one sentence and the customary exit code."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal that ends a command, by its number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Ctrl-C, the end of the system or of a container, and the end of a terminal; Windows lacks the last."""


def during_startup() -> None:
    """End at once, in a sentence, while modules are imported and nothing has begun; an import may catch exceptions."""

    def end(number: int, frame: FrameType | None) -> None:
        os.write(2, f"debleed: {named(number)}; nothing was begun\n".encode())
        os._exit(exit_code(number))

    _heed(end)


def during_work() -> None:
    """Raise :class:`Interrupted` at the first signal; end at once at the second one."""

    def begin_to_end(number: int, frame: FrameType | None) -> None:
        _heed(lambda number, frame: os._exit(exit_code(number)))
        raise Interrupted(number)

    _heed(begin_to_end)


def named(number: int) -> str:
    """Say which signal it was.

    Examples
    --------
    >>> named(signal.SIGINT), named(signal.SIGTERM), exit_code(signal.SIGTERM)
    ('interrupted', 'ended by SIGTERM', 143)
    """
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"


def exit_code(number: int) -> int:
    """Return the exit code of a program that a signal ended, as shells count them."""
    return 128 + number


def _heed(handler: signal._HANDLER) -> None:
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup, or the background of a shell
            signal.signal(number, handler)
