"""The main job on folders of recorders: the same samples as from plain mono files, whole or cut like the input."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from bands import bled, sources
from debleed import InputError, clean_folder, cli
from debleed.io import carried, chunks
from debleed.io.recorder.chains import end_to_end
from debleed.io.recorder.facts import Facts
from debleed.io.recorder.joined import Joined
from debleed.io.recorder.like_input import cut_like_input, samples_at
from debleed.io.recorder.take import open_folder
from debleed.io.session import Session
from debleed.io.writing import data_size, fitted, form_of, write_take
from recorders import LENGTH, RATE, RECORDERS, band, bext, cut, ixml, put, x_live, zoom_with_mix


@pytest.fixture(scope="module")
def sound():
    mics = bled(sources(4, seconds=2))[:, :LENGTH]
    return np.rint(mics * 2**15 / np.abs(mics).max() * 0.9) / 2**15


def plain(folder, target, sound):
    """Write the same microphones as mono files, in the same format and with the same names, order and labels."""
    take = open_folder(folder, Session())
    for file, label, row in zip(take.files, take.labels, sound, strict=True):
        extra = {} if label is None or file.path.suffix == ".flac" else {"iXML": ixml(label)}
        put(target / file.path.name, row[None], file.subtype, **extra)
    take.close()
    return target


def heard(folder):
    return {path.stem: sf.read(path, dtype="float64")[0] for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", RECORDERS)
def test_whole_files_have_the_samples_of_plain_mono_files(tmp_path, sound, name):
    gig = tmp_path / "gig"
    RECORDERS[name].fill(gig, sound)
    order = [2, 0, 1, 3] if name == "Logic" else [0, 1, 2, 3]
    mono = plain(gig, tmp_path / "mono", sound[order])
    result = clean_folder(gig, tmp_path / "clean", method="kamir", removed=tmp_path / "removed")
    clean_folder(mono, tmp_path / "expected", method="kamir")
    clean, expected, removed = heard(tmp_path / "clean"), heard(tmp_path / "expected"), heard(tmp_path / "removed")
    assert [path.stem for path in result.files] == list(RECORDERS[name].units)
    assert clean.keys() == expected.keys() == removed.keys()
    for unit, row in zip(RECORDERS[name].units, sound[order], strict=True):
        np.testing.assert_array_equal(clean[unit], expected[unit])
        np.testing.assert_array_equal(clean[unit] + removed[unit], row)
        assert np.any(removed[unit])


@pytest.mark.parametrize("name", RECORDERS)
def test_files_like_the_input_have_the_samples_of_whole_files(tmp_path, sound, name):
    gig = tmp_path / "gig"
    RECORDERS[name].fill(gig, sound)
    clean_folder(gig, tmp_path / "whole", method="kamir")
    result = clean_folder(gig, tmp_path / "clean", method="kamir", split="like-input", report=tmp_path / "report.html")
    whole = heard(tmp_path / "whole")
    assert result.files == tuple(tmp_path / "clean" / n for row in RECORDERS[name].rows for n in row)
    for row in RECORDERS[name].rows:
        joined = np.concatenate([sf.read(tmp_path / "clean" / n, always_2d=True)[0] for n in row])
        units = [
            u for u in RECORDERS[name].units if len(RECORDERS[name].rows) == 1 or row is row_of(RECORDERS[name], u)
        ]
        np.testing.assert_array_equal(joined.T, np.stack([whole[unit] for unit in units]))
    for path in result.files:
        (before,) = gig.rglob(path.name)
        assert sf.info(path).subtype == sf.info(before).subtype
        if path.suffix != ".flac":
            same_but_for_the_samples(path, before)


def row_of(recorder, unit):
    return recorder.rows[recorder.units.index(unit)]


def same_but_for_the_samples(path, before):
    old, new, start = before.read_bytes(), path.read_bytes(), samples_at(before)
    (size,) = (chunk.size for chunk in chunks.chunks(before) if chunk.start == start)
    assert len(old) == len(new)
    assert old[:start] == new[:start]
    assert old[start + size :] == new[start + size :]
    assert old != new


def test_the_default_method_and_a_report_on_a_card(tmp_path):
    """With everything that looks at a recording on the way: in step, copies, mixes, groups, the report."""
    mics = bled(sources(4, seconds=12))
    mics = np.rint(mics * 2**15 / np.abs(mics).max() * 0.9) / 2**15
    gig = tmp_path / "gig"
    for number, _, part in cut(mics, (40000, 40000, mics.shape[1] - 80000)):
        put(gig / f"{number:08d}.WAV", part, "PCM_24")
    mono = plain(gig, tmp_path / "mono", mics)
    result = clean_folder(gig, tmp_path / "clean", report=tmp_path / "report.html", split="like-input")
    expected = clean_folder(mono, tmp_path / "expected")
    joined = np.concatenate([sf.read(path)[0] for path in result.files]).T
    for row, path, one, other in zip(joined, expected.files, result.microphones, expected.microphones, strict=True):
        np.testing.assert_array_equal(row, sf.read(path)[0])
        assert replace(one, sentence="") == replace(other, sentence="")  # only a report measures how much less bleed
    assert "ch3" in (tmp_path / "report.html").read_text()


def test_whole_files_keep_date_and_names(tmp_path):
    gig = tmp_path / "gig"
    RECORDERS["Sound Devices"].fill(gig, band(4))
    first, *_ = clean_folder(gig, tmp_path / "clean", method="unprocessed").files
    content = dict(carried.carried(first))
    assert content[b"bext"] == bext(72000 * RATE)
    assert b"<NAME>Anna Lav</NAME>" in content[b"iXML"]
    assert b"Boom" not in content[b"iXML"]
    assert open_folder(tmp_path / "clean", Session()).labels == ("Anna Lav", "Ben Lav", "Boom", "Plant")
    assert first.name == "Anna Lav.WAV"


def test_left_out_channels_stay_as_they_are_in_files_like_the_input(tmp_path, sound):
    gig = tmp_path / "gig"
    x_live(gig, sound)
    session = Session(leave_out=("ch2",))
    whole = clean_folder(gig, tmp_path / "whole", session=session, method="kamir")
    result = clean_folder(gig, tmp_path / "clean", session=session, method="kamir", split="like-input")
    assert [path.name for path in whole.files] == ["ch1.WAV", "ch3.WAV", "ch4.WAV"]
    joined = np.concatenate([sf.read(path)[0] for path in result.files]).T
    np.testing.assert_array_equal(joined[1], sound[1])
    np.testing.assert_array_equal(joined[[0, 2, 3]], np.stack([sf.read(path)[0] for path in whole.files]))


def test_parts_of_several_folders_come_back_in_theirs(tmp_path, sound):
    gig = tmp_path / "gig"
    for card, (_, _, part) in zip(("SD1", "SD2"), cut(sound, (5000, LENGTH - 5000)), strict=True):
        put(gig / card / "00000001.WAV", part)
    session = Session(parts={"gig": ("SD1/00000001.WAV", "SD2/00000001.WAV")})
    result = clean_folder(gig, tmp_path / "clean", session=session, method="unprocessed", split="like-input")
    assert [path.relative_to(tmp_path / "clean").as_posix() for path in result.files] == list(session.parts["gig"])
    joined = np.concatenate([sf.read(path)[0] for path in result.files]).T
    np.testing.assert_array_equal(joined, sound)
    with pytest.raises(InputError, match=r"SD1.00000001.WAV' exists already"):
        clean_folder(gig, tmp_path / "clean", session=session, method="unprocessed", split="like-input")


def test_one_polyphonic_file_comes_back_like_itself(tmp_path, sound):
    path = put(tmp_path / "gig.wav", sound, iXML=ixml("a", "b", "c", "d"), bext=bext(5))
    (whole,) = clean_folder(path, tmp_path / "whole", method="kamir").files
    (like,) = clean_folder(path, tmp_path / "clean", method="kamir", split="like-input").files
    np.testing.assert_array_equal(sf.read(like)[0], sf.read(whole)[0])
    same_but_for_the_samples(like, path)


@pytest.mark.parametrize(
    ("suffix", "subtype", "endian"),
    [
        ("wav", "PCM_U8", None),
        ("wav", "PCM_16", "BIG"),
        ("wav", "FLOAT", None),
        ("wav", "DOUBLE", None),
        ("w64", "PCM_24", None),
        ("rf64", "PCM_16", None),
        ("aiff", "PCM_24", None),
        ("aiff", "PCM_16", "LITTLE"),
        ("aiff", "PCM_S8", None),
    ],
)
def test_every_format_can_be_like_the_input(tmp_path, suffix, subtype, endian):
    sound = np.round(band(2) * 128) / 128
    for name, row in zip("ab", sound, strict=True):
        path = tmp_path / "gig" / f"{name}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        container = {"aiff": "AIFF"}.get(suffix, suffix.upper())
        sf.write(path, row, RATE, subtype=subtype, endian=endian, format=container)
    result = clean_folder(tmp_path / "gig", tmp_path / "clean", method="unprocessed", split="like-input")
    for row, path in zip(sound, result.files, strict=True):
        np.testing.assert_array_equal(sf.read(path)[0], row)
        assert path.read_bytes() == (tmp_path / "gig" / path.name).read_bytes()


def test_lossy_files_are_written_anew(tmp_path):
    for name, row in zip("ab", band(2, 20000), strict=True):
        path = tmp_path / "gig" / f"{name}.ogg"
        path.parent.mkdir(exist_ok=True)
        sf.write(path, row, RATE)
    result = clean_folder(tmp_path / "gig", tmp_path / "clean", method="unprocessed", split="like-input")
    assert [(path.name, sf.info(path).subtype) for path in result.files] == [("a.flac", "PCM_24"), ("b.flac", "PCM_24")]


def test_rates_may_differ_in_files_like_the_input(tmp_path, sound):
    put(tmp_path / "gig/drums.wav", sound[:3], rate=RATE)
    put(tmp_path / "gig/vox.wav", band(1, 2 * LENGTH), rate=2 * RATE)
    session = Session(leave_out=("ch1",))
    result = clean_folder(
        tmp_path / "gig", tmp_path / "clean", session=session, method="unprocessed", split="like-input"
    )
    for path in result.files:
        np.testing.assert_array_equal(sf.read(path)[0], sf.read(tmp_path / "gig" / path.name)[0])


def test_what_exceeds_the_range_is_at_full_scale_and_said(tmp_path, caplog):
    x_live(tmp_path / "gig", band(3))
    take = open_folder(tmp_path / "gig", Session())
    recording = take.recording()
    louder = recording.with_reader(lambda start, stop: 4 * recording.read(start, stop))
    out = tmp_path / "out"
    out.mkdir()
    files = cut_like_input(take, write_take(take, louder, out)[0], out)
    written = np.concatenate([sf.read(path)[0] for path in files]).T
    np.testing.assert_array_equal(written, np.clip(4 * band(3), -1, 1 - 2**-31))
    said = [line for line in caplog.messages if "exceed the range of its format and are written at full scale" in line]
    assert len(said) == 3
    assert sorted(path.name for path in out.iterdir()) == ["00000001.WAV", "00000002.WAV", "00000003.WAV"]


def test_the_command_shows_the_table_and_says_what_is_missing(tmp_path, capsys):
    gig = tmp_path / "gig"
    for number, start, part in cut(band(3)):
        put(gig / f"{number + (number == 3):08d}.WAV", part, bext=bext(RATE + start + 8 * (number == 3)))
    out = ["remove", str(gig), "-o", str(tmp_path / "clean"), "--method", "unprocessed", "--split", "like-input"]
    assert cli.run(out) == 0
    said = capsys.readouterr().err
    assert "microphones      files, one after another" in said
    assert "numbered as a console's card numbers its parts" in said
    assert "warning: 00000004.WAV begins 0.001 s after 00000002.WAV ends" in said
    assert "warning: between 00000002.WAV and 00000004.WAV a number is missing; is a part lost?" in said
    assert sorted(path.name for path in (tmp_path / "clean").iterdir()) == [
        "00000001.WAV",
        "00000002.WAV",
        "00000004.WAV",
    ]
    assert cli.run(out) == 2
    assert "exists already" in capsys.readouterr().err


def test_init_writes_down_what_is_one_and_changes_nothing(tmp_path, caplog):
    gig = tmp_path / "gig"
    zoom_with_mix(gig, band(4))
    assert cli.run(["init", str(gig)]) == 0
    written = (gig / "session.toml").read_text()
    assert '# "ZOOM0001_Tr1" = ["ZOOM0001_Tr1.WAV", "ZOOM0001_Tr1-0002.WAV", "ZOOM0001_Tr1-0003.WAV"]' in written
    with caplog.at_level(logging.INFO):
        done = clean_folder(gig, tmp_path / "clean", method="unprocessed")
    assert [path.name for path in done.files][1:] == [f"ZOOM0001_Tr{i}.WAV" for i in (1, 2, 3)]
    (gig / "session.toml").write_text(written.replace("# [parts]", "[parts]").replace('# "ZOOM', '"ZOOM'))
    again = clean_folder(gig, tmp_path / "again", method="unprocessed")
    assert [path.name for path in again.files] == [path.name for path in done.files]
    (gig / "session.toml").write_text("[parts]\n")
    apart = clean_folder(gig, tmp_path / "apart", method="unprocessed")
    assert len(apart.files) == 6 + 3 * 3


def test_a_session_may_use_numbers_and_names_of_channels(tmp_path):
    gig = tmp_path / "gig"
    RECORDERS["M32 with a scene"].fill(gig, band(4))
    (gig / "session.toml").write_text('room = ["Vox"]\n[sources]\nbeat = ["ch2", "Snare"]\n')
    done = {mic.name: mic for mic in clean_folder(gig, tmp_path / "clean", method="unprocessed").microphones}
    assert [done[name].source for name in ("Bass", "Kick", "Snare", "Vox")] == ["Bass", "beat", "beat", None]


def test_a_stage_learnt_from_a_card_cleans_another(tmp_path, sound):
    for folder in ("check", "show"):
        x_live(tmp_path / folder, sound)
    stage = tmp_path / "stage.debleed"
    assert cli.run(["learn", str(tmp_path / "check"), "-o", str(stage), "--method", "instantaneous"]) == 0
    assert cli.run(["apply", str(stage), str(tmp_path / "show"), "-o", str(tmp_path / "clean")]) == 0
    assert sorted(path.name for path in (tmp_path / "clean").iterdir()) == [f"ch{i}.WAV" for i in (1, 2, 3, 4)]


def test_whole_files_beyond_4_gb_are_rf64():
    facts = [Facts(Path(f"{i:08d}.WAV"), 2, 48000, 2**28, "WAV", "PCM_32", "FILE", (None, None)) for i in (1, 2, 3)]
    whole = Joined(end_to_end("gig", facts), Path("gig.WAV"))
    form = fitted(form_of(whole), data_size(form_of(whole), whole.channels, whole.frames))
    assert (form.container, form.suffix, whole.frames) == ("RF64", ".WAV", 3 * 2**28)
