"""Lists of names as engineers write them, with what they mean: written by hand from what people read in them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Console:
    """Names of the tracks, and what a person reads in them; whatever is not listed is a source of its own."""

    names: str
    groups: dict[str, str] = field(default_factory=dict)
    room: str = ""
    references: str = ""
    silent: str = ""


def split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


CONSOLES = {
    "X32 scribble strips": Console(
        "01 Kick In, 02 Kick Out, 03 Snr Top, 04 Snr Btm, 05 HiHat, 06 Tom 1, 07 Tom 2, 08 Floor, 09 OH L, 10 OH R,"
        "11 Bass DI, 12 Bass Mic, 13 Gtr L, 14 Gtr R, 15 AcGtr, 16 Keys L, 17 Keys R, 18 Tracks L, 19 Tracks R,"
        "20 Click, 21 Ld Vox, 22 BV 1, 23 BV 2, 24 Drum Vox, 25 TB, 26 Amb L, 27 Amb R, 28 Main L, 29 Main R",
        {
            "kick": "01 Kick In, 02 Kick Out",
            "snr": "03 Snr Top, 04 Snr Btm",
            "bass": "11 Bass DI, 12 Bass Mic",
            "gtr": "13 Gtr L, 14 Gtr R",
            "keys": "16 Keys L, 17 Keys R",
            "tracks": "18 Tracks L, 19 Tracks R",
        },
        room="09 OH L, 10 OH R, 26 Amb L, 27 Amb R, 28 Main L, 29 Main R",
        references="11 Bass DI, 18 Tracks L, 19 Tracks R, 20 Click",
    ),
    "Pro Tools": Console(
        "Kick In_01, Kick Out_01, Kick Sub_01, Snare Top_01, Snare Bot_01, Hat_01, Rack Tom_01, Floor Tom_01, OHL_01,"
        "OHR_01, Room Mono_01, Bass DI_01, Bass Amp_01, EGtr 57_01, EGtr 421_01, Ac Gtr_01, Pno L_01, Pno R_01,"
        "Lead Vox_01, Click_01",
        {
            "kick": "Kick In_01, Kick Out_01, Kick Sub_01",
            "snare": "Snare Top_01, Snare Bot_01",
            "bass": "Bass DI_01, Bass Amp_01",
            "egtr": "EGtr 57_01, EGtr 421_01",
            "pno": "Pno L_01, Pno R_01",
        },
        room="OHL_01, OHR_01, Room Mono_01",
        references="Bass DI_01, Click_01",
    ),
    "Reaper": Console(
        "01-BD in-231014_2015, 02-Kick out-231014_2015, 03-SD top-231014_2015, 04-SD bottom-231014_2015,"
        "05-HH-231014_2015, 06-OH-L-231014_2015, 07-OH-R-231014_2015, 08-BassDI-231014_2015, 09-BassAmp-231014_2015,"
        "10-Git-231014_2015, 11-Vox Anna-231014_2015, 12-Vox Ben-231014_2015, 13-Playback L-231014_2015,"
        "14-Playback R-231014_2015",
        {
            "kick": "01-BD in-231014_2015, 02-Kick out-231014_2015",
            "sd": "03-SD top-231014_2015, 04-SD bottom-231014_2015",
            "bass": "08-BassDI-231014_2015, 09-BassAmp-231014_2015",
            "playback": "13-Playback L-231014_2015, 14-Playback R-231014_2015",
        },
        room="06-OH-L-231014_2015, 07-OH-R-231014_2015",
        references="08-BassDI-231014_2015, 13-Playback L-231014_2015, 14-Playback R-231014_2015",
    ),
    "Zoom F8": Console(
        "ZOOM0001_Tr1, ZOOM0001_Tr2, ZOOM0001_Tr3, ZOOM0001_Tr4, ZOOM0001_Tr5, ZOOM0001_Tr6, ZOOM0001_Tr7,"
        "ZOOM0001_Tr8, ZOOM0001_LR",
        room="ZOOM0001_LR",
        silent="ZOOM0001_Tr1, ZOOM0001_Tr2, ZOOM0001_Tr3, ZOOM0001_Tr4, ZOOM0001_Tr5, ZOOM0001_Tr6, ZOOM0001_Tr7,"
        "ZOOM0001_Tr8",
    ),
    "Sound Devices": Console(
        "MixL, MixR, Boom, Anna Lav, Ben Lav, Plant, Piano Stereo, Cam Link",
        room="MixL, MixR",
    ),
    "church": Console(
        "Pastor Lav, Pastor HS, Worship Ldr, BGV 1, BGV 2, BGV 3, Choir L, Choir R, Piano Hi, Piano Lo, Org L, Org R,"
        "Acoustic DI, AG Mic, Bass DI, EG 1, EG 2, Kick, Snare, Toms, Overheads, Click, Cue, Tracks, Loop, Crowd L,"
        "Crowd R, Foyer, Pulpit, Lectern",
        {
            "pastor": "Pastor Lav, Pastor HS",
            "choir": "Choir L, Choir R",
            "piano": "Piano Hi, Piano Lo",
            "org": "Org L, Org R",
            "acoustic": "Acoustic DI, AG Mic",
        },
        room="Overheads, Crowd L, Crowd R",
        references="Acoustic DI, Bass DI, Click, Cue, Tracks, Loop",
    ),
    "jazz": Console(
        "kick, snare, oh_left, oh_right, bass mic, bass DI, piano low, piano high, tenor sax, alto sax, trumpet,"
        "trombone, left, right, center",
        {"bass": "bass mic, bass DI", "piano": "piano low, piano high"},
        room="oh_left, oh_right, left, right, center",
        references="bass DI",
    ),
    "theatre": Console(
        "01 Jean, 02 Marius, 03 Cosette A, 04 Cosette B, 05 Eponine, 06 Ens 1, 07 Ens 2, 08 Ens 3, 09 Ens 4,"
        "10 Lav 1, 11 Lav 2, 12 HH 1, 13 HH 2, 14 Float L, 15 Float R, 20 Pit Keys 1, 21 Pit Keys 2 L,"
        "22 Pit Keys 2 R, 23 Pit Drums OH, 24 Pit Reed 1, 25 Pit Reed 2, 26 Pit Bass, 30 QLab L, 31 QLab R, 32 SFX",
        {
            "float": "14 Float L, 15 Float R",
            "pit keys 2": "21 Pit Keys 2 L, 22 Pit Keys 2 R",
            "qlab": "30 QLab L, 31 QLab R",
        },
        room="23 Pit Drums OH",
        references="30 QLab L, 31 QLab R, 32 SFX",
    ),
    "choir": Console(
        "Decca L, Decca C, Decca R, Outrigger L, Outrigger R, Sop spot, Alto spot, Tenor spot, Bass spot, Organ L,"
        "Organ R, Soloist 1, Soloist 2, Hall amb, Conductor TB",
        {"organ": "Organ L, Organ R"},
        room="Decca L, Decca C, Decca R, Outrigger L, Outrigger R, Hall amb",
    ),
    "Logic": Console(
        "Audio 1, Audio 2, Audio 3#01, Kick Beta52, Kick Beta91A, Snare SM57, Snare KM184, Gtr R121, Gtr SM57,"
        "Leslie Hi, Leslie Lo, Vocal U47, Vox BV L, Vox BV R, Stereo Out",
        {
            "kick": "Kick Beta52, Kick Beta91A",
            "snare": "Snare SM57, Snare KM184",
            "gtr": "Gtr R121, Gtr SM57",
            "leslie": "Leslie Hi, Leslie Lo",
            "vox bv": "Vox BV L, Vox BV R",
        },
        room="Stereo Out",
        silent="Audio 1, Audio 2, Audio 3#01",
    ),
    "a title before every name": Console(
        "Town Hall - Kick, Town Hall - Snare, Town Hall - Bass Amp, Town Hall - Bass DI, Town Hall - Gtr 1,"
        "Town Hall - Gtr 2, Town Hall - Lead Vocal, Town Hall - Stereo Mix",
        {"bass": "Town Hall - Bass Amp, Town Hall - Bass DI"},
        room="Town Hall - Stereo Mix",
        references="Town Hall - Bass DI",
    ),
    "orchestra": Console(
        "AB L, AB R, ORTF L, ORTF R, 1st Vln, 2nd Vln, Vla, Vc, Cb, WW, Hrn, Tpt, Timp, Harp L, Harp R, Spot Flute,"
        "Spot Oboe, Mid Tom, Side Stick",
        {"harp": "Harp L, Harp R"},
        room="AB L, AB R, ORTF L, ORTF R",
    ),
    "devices": Console(
        "TRK01, TRK02, 00000001, Audio 1_03, Track 3, Mic 2, Input 4, CH05",
        silent="TRK01, TRK02, 00000001, Audio 1_03, Track 3, Mic 2, Input 4, CH05",
    ),
    "function band": Console(
        "KickIn, KickOut, SnareTop, SnareBottom, Hi Tom, Mid Tom, Low Tom, Guitar1_Amp, Guitar1_DI, Guitar2_Amp,"
        "Guitar2_DI, Rhodes DI, LTC, Metronome, Backing Track L, Backing Track R, Backing Vox 1, Backing Vox 2,"
        "MC 1, MC 2, FOH, PA L, PA R",
        {
            "kick": "KickIn, KickOut",
            "snare": "SnareTop, SnareBottom",
            "guitar1": "Guitar1_Amp, Guitar1_DI",
            "guitar2": "Guitar2_Amp, Guitar2_DI",
            "backing track": "Backing Track L, Backing Track R",
        },
        room="FOH, PA L, PA R",
        references="Guitar1_DI, Guitar2_DI, Rhodes DI, LTC, Metronome, Backing Track L, Backing Track R",
    ),
    "podcast": Console(
        "Host SM7B, Guest 1, Guest 2, Guest 3, Phone, Soundboard, Master, XY",
        room="Master, XY",
    ),
    "songs": Console(
        "vocals, bass, bass_di, drums, other, keys_L, keys_R, x_left, x_right, lav0, lav1, mushroom, crowd, click",
        {"bass": "bass, bass_di", "keys": "keys_L, keys_R", "x": "x_left, x_right"},
        room="crowd",
        references="bass_di, click",
    ),
    "a rock take by microphone": Console(
        "Kick D112, Kick 91, Sn Top, Sn Btm, Tom 1 e904, Tom 2 e904, Bass, Bass DI, Gtr A e906, Gtr B e906, K1 Key L,"
        "K1 Key R, K2 Key DI, Sax Bell 421, Sax Top 421, Vox 1, Vox 2, Vox 3",
        {
            "kick": "Kick D112, Kick 91",
            "sn": "Sn Top, Sn Btm",
            "bass": "Bass, Bass DI",
            "k1 key": "K1 Key L, K1 Key R",
            "sax": "Sax Bell 421, Sax Top 421",
        },
        references="Bass DI, K2 Key DI",
    ),
    "conference": Console(
        "01 MD, 02 Host, 03 Panel 1, 04 Panel 2, 05 Q&A HH1, 06 Q&A HH2, 07 Laptop L, 08 Laptop R, 09 PGM L, 10 PGM R,"
        "11 Room, 12 MD Spare",
        {"md": "01 MD, 12 MD Spare", "laptop": "07 Laptop L, 08 Laptop R"},
        room="09 PGM L, 10 PGM R, 11 Room",
        references="07 Laptop L, 08 Laptop R",
    ),
    "string quartet": Console(
        "Violin I close, Violin I pickup, Violin II close, Violin II pickup, Viola close, Viola pickup, Cello close,"
        "Cello pickup, Piano low, Piano high, Main AB L, Main AB R, Room L, Room R",
        {
            "violin i": "Violin I close, Violin I pickup",
            "violin ii": "Violin II close, Violin II pickup",
            "viola": "Viola close, Viola pickup",
            "cello": "Cello close, Cello pickup",
            "piano": "Piano low, Piano high",
        },
        room="Main AB L, Main AB R, Room L, Room R",
    ),
    "a studio's folders": Console(
        "DRUMS_KickIn_01, DRUMS_KickOut_01, DRUMS_SnareUp_01, DRUMS_SnareDown_01, BASS_Amp_01, BASS_DI_01,"
        "GTR1_57_01, GTR1_Ribbon_01, GTR2_57_01, GTR2_DI_01, VOX_Lead_01, VOX_Double_01",
        {
            "drums_kick": "DRUMS_KickIn_01, DRUMS_KickOut_01",
            "drums_snare": "DRUMS_SnareUp_01, DRUMS_SnareDown_01",
            "bass": "BASS_Amp_01, BASS_DI_01",
            "gtr1": "GTR1_57_01, GTR1_Ribbon_01",
            "gtr2": "GTR2_57_01, GTR2_DI_01",
        },
        references="BASS_DI_01, GTR2_DI_01",
    ),
}
"""One list per kind of console, program or stage."""
