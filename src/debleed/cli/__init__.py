"""The command line: thin skins over the library, one module a command, imported when it is called."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Sequence

import click

from debleed import __version__
from debleed.recording import InputError

COMMANDS = {
    "apply": "clean a recording with a stage that was learnt before",
    "benchmark": "run methods on bled corpora and write the tables",
    "corpus": "bleed a folder of stems in MUSDB18-HQ's shape, or check one",
    "demo": "play a band, bleed it, clean it and show the result",
    "evaluate": "score a cleaned recording",
    "init": "write a commented session.toml for a folder of microphones",
    "learn": "learn how microphones hear each other, and keep it as a stage",
    "methods": "list the methods and their settings",
    "remove": "remove the bleed from a folder of microphones",
    "serve": "open a page to clean a session by dropping files and listening",
    "show": "show what a stage has learnt: who bleeds where, how loud and how late",
    "simulate": "put dry stems into a room, so that they bleed",
    "train": "train one of the networks on a folder of stems",
}
"""Name → one line of help. The command itself is ``debleed.cli.<name>.command``, unless it lives elsewhere."""

ELSEWHERE = {"serve": "debleed.web.command"}
"""Name → module of a command that stands on top of the others."""


class LazyGroup(click.Group):
    """Lists commands without importing them, so that help and errors come at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the command that was called."""
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
    """Run the command line; exit codes: 0 done, 1 failed, 2 refused, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code instead of leaving."""
    try:
        result = group.main(arguments, prog_name="debleed", standalone_mode=False)
    except click.exceptions.Abort:
        return complain("interrupted; nothing half-written was kept", 130)
    except KeyboardInterrupt:
        return complain("interrupted; nothing half-written was kept", 130)
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
