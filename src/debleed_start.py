"""Where the program ``debleed`` starts: outside the package, whose import takes half a second.

Ctrl-C in that time ends in a sentence, not in the traceback of an import; :mod:`debleed.interruption` is for the rest.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def end(number: int, frame: FrameType | None) -> None:
    """End at once: nothing was begun."""
    what = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    os.write(2, f"debleed: {what}; nothing was begun\n".encode())
    os._exit(128 + number)


def main() -> None:
    """Run the command line; see :func:`debleed.cli.main`."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows lacks the last
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup, the background of a shell
            signal.signal(number, end)
    while (free := os.open(os.devnull, os.O_RDWR)) < 3:  # a closed stream: a result would be opened in its place
        pass
    os.close(free)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:  # as Python has it then; old releases of NumPy expect a stream
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))
    from debleed.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
