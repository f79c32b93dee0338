"""What the name of one track says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.naming import vocabulary
from debleed.naming.reading import read, tokens

SAME = (
    "BD in|Kick In|kick_in|KickIn|KICK-IN|01 Kick In|kik inside|Bass Drum In|Kick I|kickin|Drum Kick In|Tr3 Kick In",
    "SN btm|Snare Bottom|snr_bot|SnareBtm|sd under|sntop".replace("sntop", "SN B"),
    "Bass DI|bass_di|BassDI|DIBass|bassdi|Bass Direct|Bass Gtr DI|E-Bass D.I.",
    "Gtr amp|Guitar Cab|EGtr amp|e.gtr amp|git cabinet|Elec Gtr Amp|gtramp",
    "Ac Gtr|AcGtr|Acoustic|Acoustic Guitar|AG",
    "BV 1|BGV 1|Backing Vox 1|Vox Backing 1|04 BV1",
    "Lead Vox|Vox Lead|LV|Ld Vocal",
    "HiHat|Hi-Hat|HH|hats|high hat",
    "Floor Tom|FT|Floor",
    "Kick Beta52|Kick Beta 52A|kick_beta52".replace("Kick Beta 52A", "Kick beta 52"),
    "gtr R121|gtr r-121|Gtr R 121",
    "Organ Hi|Leslie High|B3 Hi|Hammond hi",
)


@pytest.mark.parametrize("names", SAME)
def test_spellings_of_one_microphone_are_the_same(names):
    found = {(reading.words, reading.places, reading.kind) for reading in map(read, names.split("|"))}
    assert len(found) == 1
    assert found.pop()[0]


DIFFERENT = (
    "gtr1|gtr2|gtr|guitar A|guitar solo|acoustic|bass gtr",
    "vox lead|vox bv|vox 1|vox 2|choir",
    "tom1|tom2|tom hi|tom mid|tom low|floor tom|rack tom",
    "Hi Conga|Low Conga|Conga",
    "1st Violin|2nd Violin|Violin",
    "choir front|choir back",
    "Bass Clarinet|Bass|Bass drum|Bass vox|Double Bass",
    "Vln I|Vln II",
)


@pytest.mark.parametrize("names", DIFFERENT)
def test_what_tells_sources_apart_is_kept(names):
    listed = names.split("|")
    assert len({read(name).words for name in listed}) == len(listed)


KINDS = {
    "reference": "click|CLICK|20 Click|Click track|metronome|Metro|playback L|PB|PB 1|Band playback|Backing Track|"
    "far end|call_farend_lpb|Loopback 1|"
    "Tracks|trax|timecode|LTC|SMPTE|TC|cue|Count-in|count|Loop|Loops L|seq|QLab 1|SFX|Keys DI|Bass DI|"
    "kbd di|DI 3|dulcimer_di",
    "source": "backing vox|kick click|click mic|playback mic|click vox|drum loop|loop gtr|Di|di vox|Diana|"
    "coro di donne|Track 3|Tracks 1-8|clicks and cuts choir|keys|synth|line 3|cuesta|metropole|trixie|"
    "mid tom|side stick|Main vox|spot|flute spot|L gtr|TB|talkback|vox main|left hand|Ralph Mainwaring|"
    "Stage piano|Stereo gtr|piano stereo|piano XY",
    "room": "OH|Left|center|LR|L-R|Main L|mains|XY L|AB|ORTF R|NOS L|MS_M|Decca L|tree|Decca tree|outriggers|FOH|"
    "PA|stereo|Stereo Out|stereo mix|2mix|2trk|drum bus|master|ZOOM0001_LR|ZOOM0001_TrLR|song_Mix|"
    "audience|crowd L|Gtr Room|overs|Stage L|house|Matrix 1|blumlein|cue mix|Ambient",
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind):
    for name in KINDS[kind].split("|"):
        assert read(name).kind == kind, name


SILENT = (
    "TRK01|ZOOM0001_Tr1|Track 3|Audio 1_03|00000001|Mic 2|Input 4|CH05|T001_1|180101_001_Tr1|Audio 1.dup1|L|R_0001|a||-"
)


@pytest.mark.parametrize("name", SILENT.split("|"))
def test_names_of_devices_say_nothing(name):
    reading = read(name)
    assert not reading.words
    assert reading.kind == "source"


def test_places_alone_are_the_source():
    for name, words in {"Lav 1": ("lavalier", "1"), "Amp L": ("amp",), "Boom": ("boom",), "SM57": ("sm57",)}.items():
        assert read(name).words == words
    assert read("Amp L").places == {"left"}


def test_electric_is_the_guitar_unless_something_else_is():
    for name, words in {"EG": ("guitar",), "Electric": ("guitar",), "Elec Bass": ("bass",)}.items():
        assert read(name).words == words
    assert read("Electric Piano").words == ("electric", "piano")


def test_words_written_together():
    assert [token.text for token in tokens("bassdi")[0]] == ["bass", "di"]
    for word in ("digit", "hornet", "vocalist", "bassist", "tambourine", "mainframe", "subway", "guitarist"):
        assert [token.text for token in tokens(word)[0]] == [word]


instruments = st.sampled_from(sorted(vocabulary.INSTRUMENTS))
places = st.sampled_from(sorted({*vocabulary.ANYWHERE} - {"mic", "mics", "mike", "micro", "di", "dibox", "direct"}))
gaps = st.sampled_from([" ", "_", "-", ".", " - "])


@given(st.text())
def test_every_name_can_be_read(name):
    reading = read(name)
    assert reading.kind in ("source", "room", "reference")
    assert reading == read(name)


@given(instruments, places, gaps, st.integers(1, 64), st.sampled_from([str.lower, str.upper, str.title]))
def test_case_separators_and_track_numbers_do_not_matter(instrument, place, gap, number, case):
    reading = read(f"{instrument} {place}")
    other = read(f"{number:02d}{gap}{case(f'{instrument}{gap}{place}')}")
    assert (other.words, other.places, other.kind) == (reading.words, reading.places, reading.kind)
    assert reading.words


@given(instruments, places, st.integers(1, 50), st.integers(1, 50))
def test_numbers_tell_sources_apart(instrument, place, one, other):
    first, second = read(f"{instrument} {one} {place}"), read(f"{instrument} {other} {place}")
    assert (first.words == second.words) == (one == other)
