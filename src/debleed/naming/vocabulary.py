"""The words that sound engineers write on consoles, and what they say about a track.

A word that is in none of these tables names a source, as the name of a singer does.
"""

from __future__ import annotations

import re


def _spellings(*entries: str) -> dict[str, str]:
    """Map every spelling to the first one of its entry."""
    return {spelling: entry.split()[0] for entry in entries for spelling in entry.split()}


INSTRUMENTS = _spellings(
    *("kick kicks kik kck kd bd bassdrum kickdrum", "snare snares snr sn sd", "tom toms", "floor ft", "rack", "ride"),
    *("hihat hihats hh hat hats hht", "drums drum drm drms kit", "cymbals cymbal cym", "crash", "china", "cajon"),
    *("percussion perc", "conga congas", "bongo bongos", "timbales", "djembe", "timpani timp", "cowbell", "shaker"),
    *("bass ebass bs", "upright contrabass", "guitar guitars gtr gtrs gt git guit egtr elgtr egt eg"),
    *("acoustic ac aco acou acgtr acgt acgit agtr ag", "electric elec", "banjo", "mandolin", "ukulele uke"),
    *(
        "keys key kbd kb keyb keyboard keyboards",
        "piano pno",
        "organ org hammond leslie b3",
        "accordion",
        "clav clavinet",
    ),
    *("synth synths syn", "rhodes", "wurlitzer wurli wurly", "moog", "nord", "marimba", "vibraphone vibes"),
    *("xylophone xylo", "glockenspiel glock", "harp", "violin violins vln vlns", "viola violas vla", "fiddle"),
    *("cello celli cellos vc vcl", "strings", "trumpet trumpets tpt trp trpt", "trombone trombones tbn trb", "tuba"),
    *("horn horns hrn", "brass", "flugelhorn flugel", "sax saxophone sx", "clarinet clar", "oboe", "bassoon bsn"),
    *("flute", "winds", "harmonica", "didgeridoo"),
)
"""Spelling → instrument."""

SINGERS = _spellings(
    *("vocals vocal vox voc vocs voice voices vx", "choir choirs chorus", "soprano sop", "alto", "tenor", "baritone"),
    *("lead ld", "backing bkg"),
)
"""Spelling → singers, or the word that tells one singer from another."""

IMPLIED = {
    **dict.fromkeys(("kick", "snare", "tom", "hihat", "floor", "rack", "ride", "crash", "cymbals"), "drums"),
    **{"acoustic": "guitar", "bass": "guitar", "upright": "bass", "floor": "tom", "rack": "tom"},
}
"""Word → the word that says nothing more beside it: an acoustic guitar is an acoustic, a snare drum a snare."""

ANYWHERE = _spellings(
    *("top", "bottom btm bot bott bttm under undr", "amp amps cab cabinet spk speaker", "direct di dibox"),
    *("mic mics mike micro", "line", "close near", "far", "wet", "dry", "spot", "ribbon", "condenser cond", "dynamic"),
    *("pickup pickups piezo", "trigger trig", "contact", "boundary pzm", "lavalier lav lavs", "headset hs", "boom"),
    *("spare", "backup bkup", "safety safe"),
)
"""Spelling → where or how the microphone picks up its source, whatever that is."""

ON_INSTRUMENTS = _spellings(
    *("in inside", "out outside", "sub", "front", "back rear", "center centre ctr", "beater", "port hole", "shell"),
    *(
        "upper up",
        "lower down dn",
        "over",
        "bell",
        "body",
        "neck",
        "bridge",
        "hammers",
        "lid",
        "main",
        "xy",
        "ab",
        "ms",
        "ortf",
        "nos",
    ),
)
"""The same for words that can tell two people from each other, and so count on instruments alone."""

HEIGHTS = _spellings("high hi", "low lo", "mid")
"""The same for words that tell two toms, congas or singers from each other, and count on :data:`TALL` alone."""

TALL = frozenset(("organ", "piano", "keys", "accordion", "marimba", "vibraphone", "xylophone", "harp", "bass"))
"""Instruments that get one microphone for the high and one for the low notes."""

LETTERS = {"snare": {"t": "top", "b": "bottom"}, "organ": {"t": "top", "b": "bottom"}, "kick": {"i": "in", "o": "out"}}
"""Instrument → the single letters that are places on it."""

SIDES = _spellings("left l lft", "right r rgt")
"""Spelling → the half of a stereo pair; after the name of the source."""

MODELS = re.compile(
    r"(?:(?<![^\W_])|(?-i:(?<=[a-z])(?=[A-Z])))(?:"
    r"(?:shure|sennheiser|senn|neumann|akg|audix|rode|royer|coles|schoeps|beyer|dpa|ev|electrovoice)"
    r"|(?:sm[ -]?(?:57|58|7b?|81|91|94|137)|beta[ -]?(?:52|56|57|58|87|91|98|181)|b(?:52|57|58|91|98)|ksm ?\d+)a?"
    r"|e[ -]?(?:602|604|606|609|614|901|902|904|905|906|908|914|935|945)|md[ -]?(?:421|441)|re[ -]?(?:20|27|320)"
    r"|c[ -]?(?:12|391|414|451|480)(?:xls|uls|eb|b)?"
    r"|d[ -]?(?:112|12|6)|u[ -]?(?:47|67|87|89)(?:ai)?|tlm[ -]?(?:49|67|102|103|170)"
    r"|km[ -]?(?:84|184|185)|m[ -]?(?:80|81|82|88|130|160|201)|r[ -]?(?:84|121|122)|atm ?\d+|at ?\d{4}|nt ?[125]a?|i5"
    r"|mk ?\d+|ck ?\d+|cm ?3|4038|409[89]|406[01]|201[15]"
    r")(?![^\W_])",
    re.IGNORECASE,
)
"""Makers and models of microphones, with their letters."""

BARE_MODELS = frozenset((52, 57, 91, 112, 121, 414, 421, 609, 906))
"""Models that are written as a number alone, and no number that tracks or singers usually have."""

MODELLED = frozenset(("kick", "snare", "guitar", "bass", "sax", "tom"))
"""Instruments on which a number in :data:`BARE_MODELS` means the model."""

NEUTRAL = frozenset(
    (
        *("track", "trk", "tr", "trak", "ch", "chan", "channel", "input", "inp", "audio", "file", "rec", "recording"),
        *("zoom", "tascam", "ste", "mono", "stereo", "st", "take", "tk", "bounce", "bip", "render", "rendered", "raw"),
        *("glued", "consolidated", "dup", "merged", "edit", "edited", "export", "wav", "pair", "mic", "mics", "mike"),
    )
)
"""Words of devices and programs, which say nothing about what was recorded."""

NUMBERED = NEUTRAL - {"mic", "mics", "mike", "mono", "stereo", "st", "pair"}
"""Those of them whose number is that of a track."""

ROOM_WORDS = frozenset(
    (
        *("oh", "ohs", "ohl", "ohr", "ovh", "ovhs", "ovhd", "ovhds", "overhead", "overheads", "overs"),
        *("room", "rooms", "roommic", "roommics", "hall", "amb", "ambi", "ambience", "ambiance", "ambient"),
        *("audience", "aud", "crowd", "mix", "mixes", "mixture", "mixdown", "stereomix", "submix", "master"),
        *("decca", "outrigger", "outriggers", "bus", "buss", "2mix", "2trk"),
    )
)
"""Words that indicate a room microphone or a mixture wherever they stand."""

ROOM_ALONE = frozenset(
    (
        *("left", "right", "center", "centre", "lr", "main", "mains", "xy", "ab", "ortf", "nos", "ms", "blumlein"),
        *("stereo", "tree", "foh", "pa", "stage", "house", "matrix", "mtx", "pgm", "surround"),
    )
)
"""Words that do so in a name that says nothing else."""

PARTNERS = (frozenset("lr"), frozenset("lrc"), frozenset("ms"), frozenset(("mid", "side")))
"""Words that do so only together, when they are all the words of all the names that say nothing else."""

REFERENCE_WORDS = frozenset(
    (
        *("click", "clicktrack", "metronome", "playback", "playbacks", "backingtrack", "timecode", "smpte", "ltc"),
        *("qlab", "ableton", "farend", "lpb", "loopback"),
    )
)
"""Words of tracks that are signals, unless an instrument or a singer stands beside them."""

REFERENCE_ALONE = frozenset(
    (
        *("metro", "pb", "tc", "mtc", "tracks", "trax", "cue", "cues", "count", "countin", "sfx"),
        *("loop", "loops", "seq", "sequence", "sequencer", "laptop", "computer"),
    )
)
"""Words that mean a signal in a name that says nothing else."""

PHRASES = {
    ("hi", "hat"): "hihat",
    ("high", "hat"): "hihat",
    ("bass", "drum"): "kick",
    ("sub", "kick"): "subkick",
    ("double", "bass"): "upright",
    ("over", "head"): "oh",
    ("over", "heads"): "oh",
    ("l", "r"): "lr",
    ("x", "y"): "xy",
    ("m", "s"): "ms",
    ("a", "b"): "ab",
    ("time", "code"): "timecode",
    ("play", "back"): "playback",
    ("far", "end"): "farend",
    ("loop", "back"): "loopback",
    ("count", "in"): "countin",
    ("backing", "track"): "backingtrack",
    ("backing", "tracks"): "backingtrack",
    ("backing", "trk"): "backingtrack",
    ("backing", "trax"): "backingtrack",
    ("d", "i"): "di",
    ("b", "v"): "bv",
    ("e", "gtr"): "egtr",
    ("e", "guitar"): "egtr",
    ("e", "bass"): "bass",
}
"""Neighbouring words that are one."""

SEVERAL = {
    **dict.fromkeys(("bv", "bvs", "bgv", "bgvs", "bkgv", "bvox"), ("backing", "vox")),
    **dict.fromkeys(("lv", "ldvox", "leadvox"), ("lead", "vox")),
    "subkick": ("kick", "sub"),
}
"""Words that are several."""
