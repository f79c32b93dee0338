import io
import math

import numpy as np
import pytest

from debleed import InputError, Recording, learn
from debleed.contract import band
from debleed.report.matrix import SPEED_OF_SOUND, Path, listed, picture


@pytest.fixture(scope="module")
def stage():
    mics, _ = band()
    names = [f"mic {i}" for i in range(len(mics))]
    return learn(Recording.from_array(mics, 8000, names, [*names[:-1], None]), "instantaneous")


def test_paths_are_those_of_the_stage_loudest_first(stage):
    paths, found = stage.paths(), listed(stage)
    assert len(found) == np.count_nonzero(paths.power > 0)
    levels = [path.level_db for path in found]
    assert levels == sorted(levels, reverse=True)
    for path in found:
        i, j = (stage.names.index(name) for name in (path.microphone, path.source_microphone))
        assert i != j
        assert path.level_db == pytest.approx(10 * math.log10(paths.power[i, j]))
        assert path.source == stage.sources[j]
        assert path.error_db >= 0
    assert "mic 2" not in {path.microphone for path in found} or stage.sources[2] is not None


def test_a_millisecond_is_a_foot():
    path = Path("a", "b", "b", -10.0, 1e-3, 0.1)
    assert path.distance == pytest.approx(SPEED_OF_SOUND / 1000)
    assert math.isnan(Path("a", "b", "b", -10.0, math.nan, 0.1).distance)


def test_the_picture_has_a_cell_for_every_pair(stage):
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(picture(stage)))
    assert image.format == "PNG"
    assert image.width >= 84 * len(stage.with_source)
    assert picture(stage) == picture(stage)


def test_methods_without_paths_are_refused():
    mics, _ = band()
    with pytest.raises(InputError, match="does not estimate levels of bleed"):
        listed(learn(Recording.from_array(mics, 8000), "unprocessed"))
