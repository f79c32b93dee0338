"""The command line: a thin layer over the library with one module per command, imported when the command is called."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Sequence

import click

from debleed import __version__
from debleed.recording import InputError

COMMANDS = {
    "apply": "clean a recording with a saved stage",
    "benchmark": "run methods on corpora with bleed and write the tables",
    "corpus": "make a corpus with bleed from folders of stems such as MUSDB18-HQ, or check one",
    "demo": "synthesize a band, simulate the bleed, remove it and show the result",
    "evaluate": "score a cleaned recording",
    "init": "write a commented session.toml for a folder of microphones",
    "learn": "learn how sources bleed into microphones, and save it as a stage",
    "live": "clean microphones while they play, through JACK or PortAudio",
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="debleed")
def group() -> None:
    """Remove microphone bleed from multitrack recordings, from all microphones at once."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exit codes: 0 done, 1 failed, 2 invalid input, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code instead of exiting."""
    try:
        result = group.main(arguments, prog_name="debleed", standalone_mode=False)
    except click.exceptions.Abort:
        return complain("interrupted; incomplete files were deleted", 130)
    except KeyboardInterrupt:
        return complain("interrupted; incomplete files were deleted", 130)
    except click.ClickException as refusal:
        refusal.show()
        return refusal.exit_code
    except InputError as refusal:
        return complain(str(refusal), 2)
    except OSError as failure:
        full = failure.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full; free some space or choose another output folder" if full else str(failure)
        return complain(what, 1)
    return result if isinstance(result, int) else 0


def complain(sentence: str, code: int) -> int:
    """Print one sentence to the error stream and return the exit code."""
    click.echo(f"debleed: {sentence}", err=True)
    return code
