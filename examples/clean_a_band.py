"""Clean a folder of microphones whose truth is known, and print the SDR before and after.

    python examples/clean_a_band.py [FOLDER]

A synthesised band (singer, bass, drums, guitar) is put into a simulated room, so that every microphone hears everybody.
FOLDER, or ``clean-a-band`` where none is named, gets ``mics`` (what the microphones hear), ``images`` (the truth) and
``clean`` (the result). It takes about half a minute and needs nothing but debleed.
"""

import sys
from pathlib import Path

from debleed import clean_folder
from debleed.io.audio import load
from debleed.io.writing import write_mics
from debleed.scenes.demo import SOURCES, play
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import draw_scene
from debleed.scoring.evaluate import score

RATE = 22050
SECONDS = 30


def main(folder: Path) -> None:
    """Record, clean, compare."""
    # The recording. With one of your own, this part is a folder of files.
    stems = play(SECONDS, RATE)
    scene = draw_scene("room", SOURCES, RATE, seed="example", rt60=0.4)
    mics, images = render_own(scene, stems)
    write_mics(folder / "mics", mics)
    write_mics(folder / "images", images)

    # The main job, from folder to folder.
    result = clean_folder(folder / "mics", folder / "clean", force=True)
    for warning in result.warnings:
        print("warning:", warning)

    # Only where the truth is known: how much better each microphone is.
    truth, before, after = (load(folder / name) for name in ("images", "mics", "clean"))
    scores = score(truth, after, before)
    print(f"{'SDR in dB':<10}{'before':>8}{'after':>8}{'SDRi':>8}")
    for name, row in scores.rows():
        print(f"{name:<10}{row['input_sdr']:8.1f}{row['sdr']:8.1f}{row['sdri']:+8.1f}")
    print(f"the cleaned files are in {folder / 'clean'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("clean-a-band"))
