import numpy as np
import pytest
import soundfile as sf

from debleed.intake import session_of
from debleed.io.recorder.layout import laid_out
from debleed.io.recorder.table import table
from debleed.io.recorder.take import RecorderTake, open_folder
from debleed.io.session import Session
from debleed.recording import InputError
from recorders import LENGTH, RATE, RECORDERS, band, cut, ixml, pro_tools, put, x_live, zoom_with_mix


@pytest.mark.parametrize("name", RECORDERS)
def test_every_recorder_is_read_as_one(tmp_path, name):
    recorder, sound = RECORDERS[name], band(4)
    recorder.fill(tmp_path, sound)
    layout = laid_out(tmp_path, Session())
    rows = [tuple(part.facts.path.name for part in strand.chain.parts) for strand in layout.strands]
    assert rows == list(recorder.rows)
    take = open_folder(tmp_path, Session())
    assert take.units == recorder.units
    recording = take.recording()
    order = [2, 0, 1, 3] if name == "Logic" else [0, 1, 2, 3]
    assert (len(recording), recording.length, recording.rate) == (4, LENGTH, RATE)
    np.testing.assert_array_equal(recording.read(0, LENGTH), sound[order])
    for start, stop in [(2999, 3001), (5999, 6500), (0, 1), (LENGTH - 1, LENGTH)]:
        np.testing.assert_array_equal(recording.read(start, stop), sound[order, start:stop])
    take.close()


def test_a_stereo_mix_that_is_cut_elsewhere(tmp_path):
    sound = band(4)
    zoom_with_mix(tmp_path, sound)
    take = open_folder(tmp_path, Session())
    assert take.units == ("ZOOM0001_LR", "ZOOM0001_Tr1", "ZOOM0001_Tr2", "ZOOM0001_Tr3")
    recording = take.recording()
    assert recording.names[:2] == ("ZOOM0001_LR.L", "ZOOM0001_LR.R")
    np.testing.assert_array_equal(recording.read(0, LENGTH), sound[[3, 3, 0, 1, 2]])


def test_takes_of_a_program_with_a_pause_and_a_late_singer(tmp_path, caplog):
    sound = band(4)
    pro_tools(tmp_path, sound)
    take = open_folder(tmp_path, Session())
    assert take.units == ("Bass", "Kick", "Snare", "Vox")
    sound[3, :3900] = 0
    np.testing.assert_array_equal(take.recording().read(0, LENGTH), sound[[2, 0, 1, 3]])
    assert caplog.messages == [
        "Bass_02.wav begins 1:00.0 min after Bass_01.wav ends, by their time stamps; they are joined end to end"
    ]


def test_the_table(tmp_path):
    x_live(tmp_path, band(4))
    head, row = table(laid_out(tmp_path, Session()))
    assert head.split("  ")[0] == "microphones"
    assert row.split("  ") == [
        "ch1 ... ch4 (4)",
        "00000001.WAV ... 00000003.WAV (3)",
        "0:00:00 ... 0:00:00.750 (3)",
        "0:00:00.962",
        "each channel is a microphone; numbered as a console's card numbers its parts",
    ]


def test_a_polyphonic_file_beside_mono_files(tmp_path):
    sound = band(6)
    put(tmp_path / "drums.wav", sound[:4], iXML=ixml("Kick", "Snare", "", "Vocals"))
    put(tmp_path / "vocals.wav", sound[4:5])
    put(tmp_path / "zz.wav", sound[5:])
    take = open_folder(tmp_path, Session())
    assert take.units == ("Kick", "Snare", "ch3", "drums Vocals", "vocals", "zz")
    np.testing.assert_array_equal(take.recording().read(0, LENGTH), sound)


def test_a_stereo_file_of_two_named_tracks_is_two_microphones(tmp_path):
    sound = band(4)
    put(tmp_path / "T01.wav", sound[:2], iXML=ixml("Boom", "Lav"))
    put(tmp_path / "T02.wav", sound[2:], iXML=ixml("Keys L", "Keys R"))
    assert open_folder(tmp_path, Session()).units == ("Boom", "Lav", "T02")
    assert open_folder(tmp_path, Session(polyphonic=())).units == ("T01", "T02")
    assert open_folder(tmp_path, Session(polyphonic=("T02",))).units == ("T01", "Keys L", "Keys R")
    with pytest.raises(InputError, match="polyphonic lists 'T03', but there is no such file"):
        open_folder(tmp_path, Session(polyphonic=("T03",)))


def test_the_user_says_what_is_one(tmp_path):
    sound = band(2, 900)
    for name, row in zip(("drum", "drum_1"), sound, strict=True):
        put(tmp_path / f"{name}.wav", row[None])
    put(tmp_path / "vox.wav", band(1, 1800))
    assert open_folder(tmp_path, Session(parts={})).units == ("drum", "drum_1", "vox")
    take = open_folder(tmp_path, Session(parts={"kit": ("drum_1", "drum.wav")}))
    assert take.units == ("kit", "vox")
    np.testing.assert_array_equal(take.recording().read(0, 1800)[0], sound[::-1].reshape(-1))


def test_parts_in_several_folders(tmp_path, caplog):
    sound = band(3, 2000)
    for card, (_, _, part) in zip(("SD1", "SD2"), cut(sound, (1100, 900)), strict=True):
        put(tmp_path / card / "00000001.WAV", part)
    with pytest.raises(InputError, match=r"has audio files in several folders \(SD1, SD2\); use one of them"):
        open_folder(tmp_path, Session())
    take = open_folder(tmp_path, Session(parts={"gig": ("SD1/00000001.WAV", "SD2/00000001.WAV")}))
    np.testing.assert_array_equal(take.recording().read(0, 2000), sound)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"kit": ("a", "x")}, r"parts.kit lists 'x', but there is no such file; the files are a.wav, b.wav, c.wav"),
        ({"kit": ("a", "b"), "other": ("a",)}, "parts.other lists 'a', which .* already"),
        ({"kit": ("a", "c")}, "parts.kit joins 'a.wav' and 'c.wav', but they differ"),
        ({"kit": ("sub/a.wav",)}, "parts.kit lists 'sub/a.wav', but there is no such file"),
    ],
)
def test_parts_that_cannot_be(tmp_path, parts, sentence):
    for name, channels in (("a", 1), ("b", 1), ("c", 2)):
        put(tmp_path / f"{name}.wav", band(channels, 90))
    with pytest.raises(InputError, match=sentence):
        open_folder(tmp_path, Session(parts=parts))


def test_channels_can_be_left_out(tmp_path):
    sound = band(4)
    RECORDERS["Sound Devices"].fill(tmp_path, sound)
    take = open_folder(tmp_path, Session(leave_out=("ch2", "Plant")))
    assert take.units == ("Anna Lav", "Boom")
    assert take.numbers == ("ch1", "ch3")
    np.testing.assert_array_equal(take.recording().read(0, LENGTH), sound[[0, 2]])
    with pytest.raises(InputError, match="leave_out lists 'Lav', but there is no such file"):
        open_folder(tmp_path, Session(leave_out=("Lav",)))


def test_parts_can_be_left_out(tmp_path):
    sound = band(4)
    RECORDERS["X-Live"].fill(tmp_path, sound)
    take = open_folder(tmp_path, Session(leave_out=("00000003.WAV",)))
    np.testing.assert_array_equal(take.recording().read(0, 6000), sound[:, :6000])
    assert take.length == 6000


def test_names_of_a_console_session_are_labels(tmp_path):
    RECORDERS["Ui24R"].fill(tmp_path, band(4))
    assert open_folder(tmp_path, Session()).labels == ("Kick", "Snare", "Keys", "Anna")


def test_names_inside_the_files_come_before_scenes(tmp_path):
    put(tmp_path / "00000001.WAV", band(3), iXML=ixml("a", "b", "c"))
    (tmp_path / "x.scn").write_text('/ch/01/config "Kick" 3 RD 1')
    assert open_folder(tmp_path, Session()).units == ("a", "b", "c")


def test_an_ordinary_folder_is_read_as_ever(tmp_path):
    for name in ("vox", "bass"):
        put(tmp_path / f"{name}.wav", band(1))
    assert not isinstance(open_folder(tmp_path, Session()), RecorderTake)


def test_one_part_is_open_at_a_time(tmp_path):
    RECORDERS["Zoom"].fill(tmp_path, band(4))
    take = open_folder(tmp_path, Session())
    take.recording().read(0, LENGTH)
    opened = [file._part for file in take.files]
    assert len(opened) == 4
    assert all(path.name.endswith("-0003.WAV") for path, _ in opened)
    take.close()
    assert not any(file._part for file in take.files)


def test_a_part_that_changes_is_noticed(tmp_path):
    RECORDERS["X-Live"].fill(tmp_path, band(4))
    take = open_folder(tmp_path, Session())
    sf.write(tmp_path / "X_LIVE/5F3A21B0/00000002.WAV", band(4, 700).T, RATE, subtype="PCM_24")
    with pytest.raises(InputError, match=r"00000002.WAV' has changed since it was opened"):
        take.recording().read(0, LENGTH)


def test_tracks_that_differ_in_case_alone_have_numbers(tmp_path):
    put(tmp_path / "T01.wav", band(3), iXML=ixml("Vox", "vox", "Boom"))
    assert open_folder(tmp_path, Session()).units == ("ch1", "ch2", "Boom")


def test_somebody_has_to_be_left(tmp_path):
    put(tmp_path / "T01.wav", band(3))
    for names in (("ch1", "ch2", "ch3"), ("T01",)):
        with pytest.raises(InputError, match=r"every audio file in .* is left out"):
            open_folder(tmp_path, Session(leave_out=names))


def test_a_session_file_beside_the_audio_files_counts(tmp_path):
    RECORDERS["SQ"].fill(tmp_path, band(4))
    (tmp_path / "AHSQ/USBMTK/SQ-MT001/session.toml").write_text('leave_out = ["TRK02"]')
    assert session_of(tmp_path).leave_out == ("TRK02",)
    (tmp_path / "session.toml").write_text('leave_out = ["TRK03"]')
    assert session_of(tmp_path).leave_out == ("TRK03",)
