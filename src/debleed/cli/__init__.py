"""The command line: a thin layer over the library with one module per command, imported when the command is called."""

from __future__ import annotations

import importlib
import io
import signal
import sys
from collections.abc import Callable, Sequence

import click

from debleed import __version__, feedback
from debleed.interruption import Interrupted, during_startup, during_work, exit_code, named
from debleed.io.failures import sentence
from debleed.recording import InputError

COMMANDS = {
    "apply": "clean a recording with a saved stage",
    "batch": "remove the bleed from many recordings, and list what was done",
    "benchmark": "run methods on corpora with bleed and write the tables",
    "corpus": "make a corpus with bleed from folders of stems such as MUSDB18-HQ, or check one",
    "demo": "synthesize a band, simulate the bleed, remove it and show the result",
    "evaluate": "score a cleaned recording",
    "export": "export the filters of a stage as impulse responses for convolvers",
    "init": "write a commented session.toml for a folder of microphones",
    "learn": "learn how sources bleed into microphones, and save it as a stage",
    "live": "clean microphones in real time, through JACK or PortAudio",
    "methods": "list the methods and their settings",
    "remove": "remove the bleed from a folder of microphones",
    "serve": "open a web page to clean sessions and compare before and after by ear",
    "show": "show a saved stage: which source bleeds where, its level and its delay",
    "simulate": "simulate a recording with bleed from dry stems",
    "train": "train one of the networks on a folder of stems",
}
"""Name → one line of help. The command itself is ``debleed.cli.<name>.command``, except for those in ``ELSEWHERE``."""

ELSEWHERE = {"serve": "debleed.web.command"}
"""Name → module of a command that is defined outside this package."""


class LazyGroup(click.Group):
    """List commands without importing them, so that help and errors appear immediately."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return a command."""
        if name not in COMMANDS:
            return None
        module = ELSEWHERE.get(name, f"debleed.cli.{name}")
        command: click.Command = importlib.import_module(module).command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command, whose work now begins."""
        ctx.obj()
        return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="debleed")
def group() -> None:
    """Remove microphone bleed from multitrack recordings, from all microphones at once."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Exit codes: 0 done, 1 failed, 2 invalid input, 130 interrupted, 143 ended by SIGTERM, 129 ended by SIGHUP.
    """
    during_startup()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name may hold bytes that no text has
        sys.stdout.reconfigure(errors="backslashreplace")
    code = run(arguments, begun=during_work)
    during_startup()  # the work is over; its end is not worth an exception
    sys.exit(code)


def run(arguments: Sequence[str] | None = None, begun: Callable[[], None] = lambda: None) -> int:
    """Run a command and return its exit code instead of exiting.

    Parameters
    ----------
    arguments
        Those of the command line; by default those of this process.
    begun
        Called when the modules of the command are imported and its work begins.
    """
    try:
        result = group.main(arguments, prog_name="debleed", standalone_mode=False, obj=begun)
    except click.exceptions.Abort as end:  # click makes it of KeyboardInterrupt
        return interrupted(end.__cause__ or end.__context__ or end)
    except KeyboardInterrupt as end:
        return interrupted(end)
    except click.ClickException as refusal:
        refusal.show()
        return refusal.exit_code
    except InputError as refusal:
        return complain(str(refusal), 2, refusal)
    except OSError as failure:
        return complain(sentence(failure), 1, failure)
    except MemoryError as failure:
        return complain("there is not enough memory; close other programs or leave out microphones", 1, failure)
    return result if isinstance(result, int) else 0


def interrupted(end: BaseException) -> int:
    """Say what a signal has ended and what is left, and return the exit code."""
    number = end.number if isinstance(end, Interrupted) else signal.SIGINT
    kept = getattr(end, "__notes__", ["incomplete files were deleted"])
    return complain(f"{named(number)}; {'; '.join(kept)}", exit_code(number))


def complain(what: str, code: int, failure: BaseException | None = None) -> int:
    """Print one sentence, with what is kept after a failure, to the error stream and return the exit code."""
    from debleed.io.documents import visible

    notes = getattr(failure, "__notes__", [])
    feedback.say(visible("; ".join([f"debleed: {what}", *notes])))
    return code
