"""The paths of a stage: as rows for a table, and the bleed matrix as a picture."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np

from debleed.decibels import decibels
from debleed.report.pictures import RANGE_DB, SHADES, palette, shades
from debleed.stage import Stage

SPEED_OF_SOUND = 343.0
"""Metres a second, at 20 °C."""

CELL, MARGIN, TEXT = 84, 26, 15
"""Pixels: size of a cell, space around the matrix, height of letters."""

TITLE = "bleed in dB (rows: microphones, columns: sources)"

QUIETEST = -40.0
"""dB; fainter bleed has the darkest colour. (The letters that come with Pillow have no minus sign but the hyphen.)"""


@dataclass(frozen=True)
class Path:
    """The path of a source to a microphone.

    Parameters
    ----------
    microphone, source_microphone, source
        The microphone at its end, the source's own microphone at its beginning, and the source.
    level_db
        Power of the source in the microphone relative to its own microphone, in dB.
    delay
        Delay in seconds relative to its own microphone; NaN if unknown.
    error_db
        Standard error of the level in dB; infinite if the path is unknown.
    """

    microphone: str
    source_microphone: str
    source: str
    level_db: float
    delay: float
    error_db: float

    @property
    def distance(self) -> float:
        """Extra distance that the sound travels compared with its own microphone, in metres."""
        return self.delay * SPEED_OF_SOUND


def listed(stage: Stage) -> list[Path]:
    """List the paths of a stage that carry bleed, loudest first.

    Raises
    ------
    InputError
        If the method does not estimate any paths.
    """
    paths, mics = stage.paths(), stage.with_source
    found = []
    for i, j in np.argwhere(paths.power > 0):
        source = stage.sources[mics[j]]
        assert source is not None  # microphones without one have no part in it
        error = float(paths.error[i, j])
        found.append(
            Path(
                *(stage.names[mics[i]], stage.names[mics[j]], source),
                *(float(decibels(paths.power[i, j])), float(paths.delay[i, j])),
                float(decibels((1 + error) ** 2)),
            )
        )
    return sorted(found, key=lambda path: -path.level_db)


def picture(stage: Stage) -> bytes:
    """Draw the bleed matrix as a PNG: the source of a column in the microphone of a row, in dB and ms.

    Raises
    ------
    InputError
        If the method does not estimate any paths.
    """
    from PIL import Image, ImageDraw, ImageFont

    paths, names = stage.paths(), [stage.names[i] for i in stage.with_source]
    font, small = ImageFont.load_default(TEXT), ImageFont.load_default(TEXT - 3)
    left = 2 * MARGIN + max(round(font.getlength(name)) for name in names)
    top = left + 2 * MARGIN
    size = CELL * len(names)
    width = max(left + size + MARGIN, 2 * MARGIN + round(font.getlength(TITLE)))
    image = Image.new("RGB", (width, top + size + MARGIN), "white")
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN // 2), TITLE, "black", font)
    colours = palette()
    for k, name in enumerate(names):
        draw.text((left - MARGIN // 2, top + (k + 0.5) * CELL), name, "black", font, anchor="rm")
        across = Image.new("L", (left, TEXT + 6), 0)
        ImageDraw.Draw(across).text((0, 0), name, 255, font)
        upright = across.rotate(90, expand=True)
        image.paste((0, 0, 0), (round(left + (k + 0.5) * CELL - TEXT / 2), top - left - MARGIN // 2), upright)
    for i in range(len(names)):
        for j in range(len(names)):
            at = left + j * CELL, top + i * CELL
            power, delay = paths.power[i, j], paths.delay[i, j]
            if i == j or power <= 0:
                draw.rectangle((*at, at[0] + CELL - 2, at[1] + CELL - 2), fill="#e8e8e8")
                continue
            level = float(decibels(power))
            shade = int(shades(np.array(level * RANGE_DB / -QUIETEST), 0.0))
            draw.rectangle((*at, at[0] + CELL - 2, at[1] + CELL - 2), fill=tuple(int(c) for c in colours[shade]))
            ink = "black" if shade > 0.6 * SHADES else "white"
            middle = at[0] + CELL / 2
            draw.text((middle, at[1] + CELL * 0.38), f"{level:.1f}", ink, font, anchor="mm")
            if math.isfinite(delay):
                told = f"{1000 * delay:.1f} ms"
                draw.text((middle, at[1] + CELL * 0.66), told, ink, small, anchor="mm")
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()
