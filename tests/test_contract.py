"""The contract that every method keeps, see :mod:`debleed.contract`, on all that are registered."""

import subprocess
import sys

import pytest

from debleed.contract import *  # noqa: F403
from debleed.contract import _installed, pytest_generate_tests  # noqa: F401 - what a star leaves out
from debleed.methods import create
from debleed.recording import InputError

METHOD = """
from dataclasses import dataclass, field
from typing import ClassVar

@dataclass(frozen=True)
class Halved:
    by: float = field(default=2.0, metadata={"help": "what microphones are divided by"})
    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def learn(self, recording, side=None, progress=None):
        return self

    def apply(self, recording):
        return recording.with_reader(lambda start, stop: recording.read(start, stop) / self.by)
"""


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(InputError, match=r"no method 'magic'; the methods are demix"):
        create("magic")
    with pytest.raises(InputError, match="there is no module 'magic'"):
        create("magic.wand:Wand")
    with pytest.raises(InputError, match="has no 'Wand'"):
        create("debleed.methods.baseline:Wand")
    with pytest.raises(InputError, match="is not a method"):
        create("fractions:Fraction")


def test_a_method_of_another_package_runs_through_the_contract(tmp_path: object) -> None:
    (tmp_path / "halved.py").write_text(METHOD)  # type: ignore[operator]
    command = [sys.executable, "-m", "debleed.contract", "halved:Halved", "--set", "by=3", "-q"]
    command += ["-k", "deterministic or room or alone"]
    done = subprocess.run(command, cwd=str(tmp_path), capture_output=True, text=True)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_a_method_that_breaks_the_contract_is_told(tmp_path: object) -> None:
    (tmp_path / "halved.py").write_text(METHOD.replace("/ self.by", "+ self.by"))  # type: ignore[operator]
    command = [sys.executable, "-m", "debleed.contract", "halved:Halved", "-q", "-k", "silence"]
    done = subprocess.run(command, cwd=str(tmp_path), capture_output=True, text=True)
    assert "failed" in done.stdout
