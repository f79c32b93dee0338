"""Names of tracks inside files."""

import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from debleed import intake
from debleed.io import carried
from debleed.io.session import Session
from debleed.io.track_names import names_of_channels, of_channels, of_description, of_file, of_ixml, of_one_channel
from takes import RATE, back, noise, put


def ixml(*tracks: tuple[str, str]) -> bytes:
    listed = "".join(
        f"<TRACK><CHANNEL_INDEX>{i}</CHANNEL_INDEX><INTERLEAVE_INDEX>{place}</INTERLEAVE_INDEX><NAME>{name}</NAME></TRACK>"
        for i, (place, name) in enumerate(tracks, start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><BWFXML><IXML_VERSION>1.5</IXML_VERSION><SCENE>Hall</SCENE>'
        f"<TRACK_LIST><TRACK_COUNT>{len(tracks)}</TRACK_COUNT>{listed}</TRACK_LIST></BWFXML>\0\0"
    ).encode()


def recorded(path, *, channels=1, **extra):
    put(path, noise(4000, channels, seed=len(path.name)))
    carried.append(path, [(name.encode(), content) for name, content in extra.items()])
    return path


def test_ixml_names_channels_by_their_place_in_the_file():
    assert of_ixml(ixml(("2", "Lav"), ("1", "Boom")), 2) == ("Boom", "Lav")
    assert of_ixml(ixml(("", "Boom"), ("", "Lav")), 2) == ("Boom", "Lav")  # without places, in their order
    assert of_ixml(ixml(("1", ""), ("2", "Lav")), 2) == (None, "Lav")
    assert of_ixml(ixml(("1", "Boom"), ("2", "Lav")), 1) == (None,)  # which of the two is here is not said
    assert of_ixml(ixml(("1", " Gtr/Amp\t")), 1) == ("Gtr-Amp",)


def test_descriptions_name_tracks():
    sound_devices = b"sSPEED=025.000-ND\r\nsTAKE=03\r\nsTRK1=Boom\r\nsTRK2=Anna\r\nsNOTE=\r\n\0\0"
    assert of_description(sound_devices, 2) == ("Boom", "Anna")
    assert of_description(b"zSCENE=x\r\nzTRK7=Kick\r\n", 1) == ("Kick",)
    assert of_description(sound_devices, 1) == (None,)
    assert of_description(b"Recorded in the hall", 1) == (None,)


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa">]><BWFXML><TRACK_LIST><TRACK><NAME>&a;</NAME></TRACK></TRACK_LIST></BWFXML>'


@given(st.binary() | st.text().map(str.encode) | st.just(BOMB), st.integers(1, 4))
def test_what_is_not_ixml_has_no_names(content, channels):
    assert of_ixml(content, channels) == (None,) * channels
    assert len(of_description(content, channels)) == channels


@pytest.mark.parametrize(
    ("names", "units"),
    [
        (("Boom", "Lav"), ("Boom", "Lav")),
        (("Lav", "Lav", "Boom"), ("ch1", "ch2", "Boom")),
        ((None, "Lav"), ("ch1", "Lav")),
        (("ch2", "ch1"), ("ch1", "ch2")),
    ],
)
def test_channels_are_named_by_their_tracks_unless_that_is_ambiguous(names, units):
    assert names_of_channels(names) == units


def test_a_file_is_named_by_its_channels():
    assert of_file(["Boom"]) == "Boom"
    assert of_file([None]) is None
    assert of_file(["Keys", "Keys"]) == "Keys"
    assert of_file(["Keys.Left", "Keys.Right"]) == "Keys"
    assert of_file(["Keys R", "Keys L"]) is None
    assert of_file(["Keys L", "Gtr R"]) is None


def test_a_poly_file_has_microphones_by_the_names_of_its_tracks(tmp_path):
    names = (("1", "Bass DI"), ("2", "Bass Amp"), ("3", "Vox"), ("4", "Click"))
    path = recorded(tmp_path / "in/take.wav", channels=4, iXML=ixml(*names))
    take, microphones = intake.open_input(path, Session(room=("ch3",)))
    assert take.units == take.recording().names == ("Bass DI", "Bass Amp", "Vox", "Click")
    assert [mic.source for mic in microphones] == ["Bass", "Bass", None, "Click"]
    assert [mic.role for mic in microphones] == ["reference", "source", "room", "reference"]
    ready = intake.prepared(intake.Job(path, tmp_path / "out", Session(room=("ch3",)), method="unprocessed"))
    assert ready.recording.references == {"Bass DI", "Click"}
    assert ready.said_names == {"Vox"}
    (written,), _ = back([path], tmp_path / "out", poly=True)
    assert of_channels(written, 4) == ("Bass DI", "Bass Amp", "Vox", "Click")


def test_names_inside_the_files_of_a_folder(tmp_path):
    gig = tmp_path / "gig"
    recorded(gig / "T01.wav", iXML=ixml(("1", "Kick In")))
    recorded(gig / "T02.wav", bext=b"sTRK2=Kick Out\r\n".ljust(602, b"\0"))
    recorded(gig / "T3.wav", channels=2, iXML=ixml(("1", "Click L"), ("2", "Click R")))
    recorded(gig / "vox.wav")
    for suffix in ("flac", "aiff"):
        with sf.SoundFile(gig / f"T5{suffix}.{suffix}", "w", RATE, 1, "PCM_16") as file:
            file.title = {"flac": "Snare Top", "aiff": "Snare Btm"}[suffix]
            file.write(noise(4000))
    ready = intake.prepared(intake.Job(gig, tmp_path / "out", method="unprocessed"))
    assert ready.take.labels == ("Kick In", "Kick Out", "Click", "Snare Btm", "Snare Top", None)
    assert ready.recording.references == {"T3.L", "T3.R"}
    assert ready.recording.sources == ("Kick", "Kick", "T3", "T3", "Snare", "Snare", "vox")
    assert not ready.said_names


def test_chunks_of_one_channel_list_its_track_alone():
    both = [(b"bext", b"as it was"), (b"iXML", ixml(("2", "Vox"), ("1", "Kick")))]
    assert of_one_channel(both, None) == both
    (_, bext), (_, first) = of_one_channel(both, 0)
    assert bext == b"as it was"
    assert of_ixml(first, 1) == ("Kick",)
    assert of_ixml(of_one_channel(both, 1)[1][1], 1) == ("Vox",)
    unnumbered = [(b"iXML", ixml(("", "Kick"), ("", "Vox")))]
    assert of_ixml(of_one_channel(unnumbered, 1)[0][1], 1) == ("Vox",)
    for strange in (b"", b"<a>", b"<!DOCTYPE a><a/>", b"<a/>"):
        assert of_one_channel([(b"iXML", strange)], 0) == [(b"iXML", strange)]
