from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from debleed.cli import run, scene_options
from debleed.scenes.scene import KINDS
from debleed.scenes.settings import Settings, about


def options_of(*kinds: type[Settings], monkeypatch: pytest.MonkeyPatch) -> click.Command:
    """Make a command with the options of kinds that have these settings; it returns what it is given."""
    made = {f"kind{k}": type("Kind", (), {"settings": each, "summary": "a kind"}) for k, each in enumerate(kinds)}
    monkeypatch.setattr(scene_options, "KINDS", made)

    @click.command()
    @scene_options.bleed_option(required=False)
    @scene_options.scene_options
    def command(bleed: str | None, settings: dict[str, object]) -> tuple[str | None, dict[str, object]]:
        return bleed, settings

    return command


@dataclass(frozen=True, kw_only=True)
class Wide(Settings):
    """One field of every type that a new kind could have."""

    depth: float | None = field(default=None, metadata=about("How deep."))
    count: int = field(default=1, metadata=about("How many."))
    dark: bool = field(default=False, metadata=about("Whether it is dark."))
    name: str = field(default="", metadata=about("A name."))
    shape: str = field(default="round", metadata=about("A shape.", choices=("round", "square")))
    place: tuple[float, float] | None = field(default=None, metadata=about("A place.", example="1,2"))
    span: float | tuple[float, float] = field(default=1.0, metadata=about("A number or a range."))
    file: Path | None = field(default=None, metadata=about("A file."))
    many: Sequence[str] = field(default=(), metadata=about("Several."))
    sets: Mapping[str, Sequence[str]] | None = field(default=None, metadata=about("Groups.", option="--set-of"))
    hidden: float = field(default=0.0, metadata=about("Not on the command line.", option=None))


def test_options_read_every_type_of_field(monkeypatch):
    command = options_of(Wide, monkeypatch=monkeypatch)
    typed = "--depth 2 --count 3 --dark yes --name x --shape square --place 1,2 --span 3,4 --file a/b --many p --many q"
    asked = [*typed.split(), "--set-of", "s=a,b", "--bleed", "kind0"]
    bleed, settings = command.main(asked, standalone_mode=False)
    assert bleed == "kind0"
    assert settings == {
        **{"depth": 2.0, "count": 3, "dark": True, "name": "x", "shape": "square", "place": (1.0, 2.0)},
        **{"span": (3.0, 4.0), "file": Path("a/b"), "many": ("p", "q"), "sets": {"s": ("a", "b")}},
    }
    assert command.main([], standalone_mode=False) == (None, {})


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("--place 1", "'1' is not valid; use a value such as 1,2"),
        ("--span wide", "'wide' is not valid"),
        ("--shape oval", "'oval' is not one of 'round', 'square'"),
        ("--hidden 1", "No such option"),
        ("--bleed kind1", "'kind1' is not 'kind0'"),
    ],
)
def test_what_cannot_be_read_is_refused(monkeypatch, typed, sentence):
    refused = CliRunner().invoke(options_of(Wide, monkeypatch=monkeypatch), typed.split())
    assert refused.exit_code == 2
    assert sentence in refused.output


def test_a_setting_that_only_some_kinds_have_says_so(monkeypatch):
    told = " ".join(CliRunner().invoke(options_of(Wide, Settings, monkeypatch=monkeypatch), ["--help"]).output.split())
    assert "How deep. For kind0 bleed." in told
    assert "such as -40. --help" in told


def test_every_setting_of_the_real_kinds_has_an_option_unless_it_declines():
    expected = {
        known.name
        for scene in KINDS.values()
        for known in scene.settings.__dataclass_fields__.values()
        if known.metadata["option"] is not None
    }
    assert set(scene_options.options()) == expected
    assert {"rt60", "room", "layout", "distance", "responses", "groups", "without_mic", "noise_db"} <= expected


def test_a_setting_of_another_kind_is_refused(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 8000)
    asked = ["simulate", str(tmp_path), "-o", str(tmp_path / "out"), "--bleed", "linear", "--rt60", "0.3"]
    assert run(asked) == 2
    assert (
        "linear bleed has no setting 'rt60'; its settings are groups, without_mic, noise_db" in capsys.readouterr().err
    )
