"""Contract tests for methods: what a method must do with a `Recording`.

Run them on your own method, in an environment with pytest::

    python -m debleed.contract package.module:Class [--set KEY=VALUE ...] [options of pytest]

The class is a frozen dataclass as :class:`debleed.methods.Method` describes it. debleed's own tests run the contract on
every registered method.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from debleed import Recording, Stage, learn
from debleed.methods import Portable, PortableMethod, Selective, Side, create, registered
from debleed.methods.settings import settings
from debleed.recording import InputError
from debleed.remove import remove

RATE = 8000
PACKAGES = dict.fromkeys(["di-cae", "t-unet", "f-unet", "df-unet", "df-unet-gat"], "onnxruntime")
"""Optional packages that methods need."""

SMALL: dict[str, dict[str, Any]] = {"oracle-linear": {"seconds": 0.02, "iterations": 400}}
"""Settings for two seconds of sound; ``--set`` adds to them."""

SEQUENTIAL = ("kamir", "kamir-published")
"""Methods that update one source after the other, as published, so that their results depend on the order a little."""

ROUNDING = 1e-4
"""Largest difference, relative to the peak, between results that may differ by float32 rounding, which filters
amplify."""


USAGE = "python -m debleed.contract package.module:Class [--set KEY=VALUE ...] [options of pytest]"

PLUGIN = "debleed-contract"


class Selection:
    """Plugin that holds the method to test and its settings."""

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        self.name, self.settings = name, settings


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on every registered method, or on the selected one."""
    if "name" in metafunc.fixturenames:
        selection = metafunc.config.pluginmanager.get_plugin(PLUGIN)
        if selection:
            SMALL[selection.name] = SMALL.get(selection.name, {}) | selection.settings
        metafunc.parametrize("name", [selection.name] if selection else list(registered()))


def main(arguments: Sequence[str]) -> int:
    """Run the contract on the method named first; the remaining arguments go to pytest."""
    if not arguments or arguments[0].startswith("-"):
        print(f"usage: {USAGE}", file=sys.stderr)
        return 2
    name, *rest = arguments
    pairs = []
    while "--set" in rest[:-1]:
        at = rest.index("--set")
        pairs.append(rest[at + 1])
        del rest[at : at + 2]
    plugin = Selection(name, settings(name, pairs))  # refuses what is not a method
    options = ["-p", "no:cacheprovider", "--pyargs", "debleed.contract", *rest]
    return int(pytest.main(options, plugins=[_under_its_name(plugin)]))


def _under_its_name(plugin: Selection) -> object:
    """Return a plugin that registers another one under a fixed name."""

    class Registers:
        @staticmethod
        def pytest_configure(config: pytest.Config) -> None:
            config.pluginmanager.register(plugin, PLUGIN)

    return Registers()


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    """Skip methods whose packages are not installed."""
    name = request.node.callspec.params.get("name") if hasattr(request.node, "callspec") else None
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason="needs ONNX Runtime: pip install 'debleed[neural]'")


def count(name: str) -> int:
    """Return the number of microphones for testing a method."""
    return create(name).source_count or 3


def band(mics: int = 3, length: int = 2 * RATE, dtype: type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Make sources of a dozen swelling partials; every microphone also picks up an eighth of each other source."""
    rng = np.random.default_rng(5)
    t = np.arange(length) / RATE
    sources = np.zeros((mics, length))
    for source in sources:
        for partial in rng.uniform(100, 3900, 12):
            swell = np.sin(np.pi * rng.uniform(0.3, 1) * t + rng.uniform(0, np.pi)) ** 2
            source += swell * np.sin(2 * np.pi * partial * t + rng.uniform(0, 2 * np.pi))
    images = 0.05 * (sources + 0.03 * rng.standard_normal(sources.shape))
    mixing = np.eye(mics) + (1 - np.eye(mics)) / 8
    return (mixing @ images).astype(dtype), images.astype(dtype)


def clean(
    name: str,
    mics: np.ndarray,
    images: np.ndarray | None = None,
    mixture: np.ndarray | None = None,
    **described: object,
) -> Recording:
    """Run a method with the side information that it needs; by default, the mixture is the sum of the images."""
    recording = Recording.from_array(mics, RATE, **described)  # type: ignore[arg-type]
    images = mics if images is None else images
    truth = Recording.from_array(images, RATE, **described)  # type: ignore[arg-type]
    mixture = images.sum(axis=0, keepdims=True) if mixture is None else mixture
    offered = {"truth": truth, "mixture": Recording.from_array(mixture, RATE)}
    needs = create(name).needs
    assert needs <= set(offered)
    side = Side(**{need: offered[need] for need in needs})
    return remove(recording, name, settings=SMALL.get(name, {}), side=side)


def close(a: np.ndarray, b: np.ndarray) -> bool:
    """Compare up to rounding, relative to the peak."""
    return bool(np.max(np.abs(a - b), initial=0) <= ROUNDING * np.max(np.abs(b), initial=0))


def test_keeps_the_description(name: str) -> None:
    """Names, sources, rate, length, shape and data type stay the same."""
    names = ("vox", "bass", "drums", "keys")[: count(name)]
    mics, images = band(count(name))
    cleaned = clean(name, mics, images, names=names)
    assert cleaned.names == cleaned.sources == names
    assert (cleaned.rate, cleaned.length) == (RATE, mics.shape[1])
    found = cleaned.read()
    assert found.shape == mics.shape
    assert found.dtype == mics.dtype
    assert np.isfinite(found).all()


def test_is_aligned_to_the_sample(name: str) -> None:
    """The result is neither shifted in time nor inverted in polarity."""
    mics, images = band(count(name))
    found = clean(name, mics, images).read()
    for cleaned, image in zip(found, images, strict=True):
        products = [np.sum(np.roll(cleaned, lag) * image) for lag in range(-8, 9)]
        assert np.argmax(products) == 8  # lag 0, same polarity


def test_leaves_the_input_alone(name: str) -> None:
    """The input is not modified."""
    mics, images = band(count(name))
    mics.flags.writeable = images.flags.writeable = False
    before = mics.copy()
    clean(name, mics, images).read()
    assert np.array_equal(mics, before)


def test_deterministic(name: str) -> None:
    """Two runs give the same samples for any global random state, and so do two readings."""
    mics, images = band(count(name))
    first = clean(name, mics, images)
    np.random.default_rng().standard_normal(3)
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    second = clean(name, mics, images)
    assert np.array_equal(first.read(), second.read())
    assert np.array_equal(first.read(), first.read())


@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_follows_the_level(name: str, scale: float, dtype: type) -> None:
    """Scaling a recording scales the result, in float32 and in float64."""
    mics, images = band(count(name), dtype=dtype)
    expected = clean(name, mics, images).read()
    found = clean(name, mics * dtype(scale), images * dtype(scale)).read()
    assert close(found / dtype(scale), expected)


@pytest.mark.parametrize("scale", [1e-300, 1e-30])
def test_what_is_as_good_as_silent_comes_back(name: str, scale: float) -> None:
    """Samples far below the smallest step of any converter come back to the bit, in all microphones or in one."""
    mics, images = band(count(name), dtype=np.float64)
    assert np.array_equal(clean(name, mics * scale, images * scale).read(), mics * scale)
    mixture = images.sum(axis=0, keepdims=True)
    more, truth = (np.concatenate([z, z[:1] * scale]) for z in (mics, images))
    found = clean(name, more, truth, mixture).read()
    assert np.array_equal(found[-1], more[-1])
    assert np.array_equal(found[:-1], clean(name, mics, images, mixture).read())


@pytest.mark.parametrize("scale", [1e30, 1e200])
def test_refuses_what_is_no_level(name: str, scale: float) -> None:
    """Samples far beyond any full scale are refused, and the message names the microphone."""
    mics, images = band(count(name), dtype=np.float64)
    mics[1] *= scale
    with pytest.raises(InputError, match="mic2"):
        clean(name, mics, images)


def test_an_inverted_copy_comes_back_inverted(name: str) -> None:
    """An inverted copy of a microphone, known to be one or not, is no special case of the algebra."""
    mics, images = band(count(name))
    mixture = images.sum(axis=0, keepdims=True)
    more, truth = (np.concatenate([z, -z[:1]]) for z in (mics, images))
    found = clean(name, more, truth, mixture).read()
    assert np.array_equal(found[-1], -found[0])
    assert np.isfinite(found).all()


def test_silence_stays_silence(name: str) -> None:
    """Silence gives silence."""
    found = clean(name, np.zeros((count(name), 3000), np.float32)).read()
    assert not found.any()


def test_a_silent_microphone_stays_silent(name: str) -> None:
    """A silent microphone receives nothing from the others."""
    mics, images = band(count(name))
    mics[1] = images[1] = 0
    found = clean(name, mics, images).read()
    assert np.isfinite(found).all()
    assert np.abs(found[1]).max() <= 1e-6 * np.abs(mics).max()


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_refuses_what_is_no_number(name: str, number: float) -> None:
    """NaN and infinity are refused, and the message names the microphone."""
    mics, images = band(count(name))
    mics[1, 77] = number
    with pytest.raises(InputError, match="mic2"):
        clean(name, mics, images)


def test_room_microphones_come_back_unchanged(name: str) -> None:
    """Room microphones are unchanged to the bit."""
    mics, images = band(count(name) + 1)
    found = clean(name, mics, images, sources=["a", None, *"bcd"[: count(name) - 1]]).read()
    assert np.array_equal(found[1], mics[1])


@pytest.mark.parametrize("length", [1, 100, RATE // 10 - 1])
def test_too_short_recordings_come_back(name: str, length: int) -> None:
    """From less than a tenth of a second nothing is learnt, and nothing is changed."""
    mics, images = band(count(name), length=length)
    assert np.array_equal(clean(name, mics, images).read(), mics)


@pytest.mark.parametrize("length", [1, 2, 7, 100, 1023, 4097])
def test_any_length(name: str, length: int) -> None:
    """Recordings of one or a few samples work."""
    mics, images = band(count(name), length=length)
    found = clean(name, mics, images).read()
    assert found.shape == mics.shape
    assert np.isfinite(found).all()


def test_refuses_no_samples(name: str) -> None:
    """Recordings without samples are refused."""
    with pytest.raises(InputError, match="no samples"):
        clean(name, np.zeros((count(name), 0), np.float32))


def test_one_microphone_comes_back(name: str) -> None:
    """A single microphone has no bleed and is unchanged to the bit."""
    mics, images = band(1)
    assert np.array_equal(clean(name, mics, images).read(), mics)


@pytest.mark.parametrize("block", [800, 3001])
def test_blocks_agree_with_the_whole(name: str, block: int) -> None:
    """Any part, read in any order, agrees with the whole."""
    mics, images = band(count(name))
    cleaned = clean(name, mics, images)
    starts = list(range(0, mics.shape[1], block))
    parts = {start: cleaned.read(start, min(start + block, mics.shape[1])) for start in reversed(starts)}
    assert close(np.concatenate([parts[start] for start in starts], axis=1), cleaned.read())
    assert cleaned.read(5, 5).shape == (count(name), 0)


def test_a_copy_comes_back_like_its_original(name: str) -> None:
    """A copy of a microphone comes back like it, and the others as without the copy."""
    mics, images = band(count(name))
    mixture = images.sum(axis=0, keepdims=True)
    more, truth = (np.concatenate([z, z[:1]]) for z in (mics, images))
    found = clean(name, more, truth, mixture).read()
    assert np.array_equal(found[-1], found[0])
    assert np.array_equal(found[:-1], clean(name, mics, images, mixture).read())


def test_polarity_follows_the_microphone(name: str) -> None:
    """Inverting the polarity of a microphone inverts its output and changes nothing else."""
    mics, images = band(count(name))
    flip = np.array([[1], [-1], [1], [1]], np.float32)[: count(name)]
    mixture = images.sum(axis=0, keepdims=True)  # the mixture does not change
    found = clean(name, flip * mics, flip * images, mixture).read()
    assert close(found, flip * clean(name, mics, images, mixture).read())


def test_a_pair_is_one_source(name: str) -> None:
    """Microphones of one source are not treated as each other's bleed."""
    if name == "di-cae":
        pytest.skip("di-cae processes each microphone separately")
    sources = count(name) - 1 if create(name).source_count is None else count(name)
    mics, images = band(sources)
    truth = np.concatenate([images, 0.5 * images[-1:]])
    # with less bleed than the first, so that it is no copy
    pair = np.concatenate([mics, truth[-1:] + images[:-1].sum(axis=0) / 20])
    names = ["vox", "bass", "drums", "keys"][-sources:]
    cleaned = clean(name, pair, truth, sources=[*names, names[-1]])
    found = cleaned.read()
    assert cleaned.sources == (*names, names[-1])
    # the pair keeps as much of its source as a single microphone does
    kept = np.sum(found[-2:] * truth[-2:], axis=1) / np.sum(truth[-2:] ** 2, axis=1)
    single = np.sum(clean(name, mics, images).read()[-1] * images[-1]) / np.sum(images[-1] ** 2)
    assert kept.min() > min(0.6, 0.9 * single)
    assert single > 0.3


def test_other_numbers_of_sources_are_refused(name: str) -> None:
    """A method for a fixed number of sources refuses other numbers."""
    needed = create(name).source_count
    if needed is not None:
        mics, images = band(needed - 1)
        with pytest.raises(InputError, match=f"exactly {needed} sources, this one has {needed - 1}"):
            clean(name, mics, images)


def test_a_pair_alone_comes_back(name: str) -> None:
    """Two microphones of one source have no bleed and are unchanged to the bit."""
    mics, images = band(2)
    assert np.array_equal(clean(name, mics, images, sources=["keys", "keys"]).read(), mics)


def test_settings(name: str) -> None:
    """Settings are fields with a help text; unknown settings are refused; methods are immutable."""
    method = create(name)
    assert dataclasses.is_dataclass(method)
    assert all(field.metadata.get("help") for field in dataclasses.fields(method))
    with pytest.raises(InputError, match="no setting 'loudness'"):
        create(name, loudness=11)
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.anything = 1


def test_needs_are_asked_for(name: str) -> None:
    """Missing side information is refused."""
    mics, _ = band()
    if create(name).needs:
        with pytest.raises(InputError, match="needs"):
            remove(Recording.from_array(mics, RATE), name)


def test_progress_is_told_and_may_stop(name: str) -> None:
    """Progress is between 0 and 1, and an exception from the callback stops the work."""
    mics, images = band(count(name))
    recording, truth = Recording.from_array(mics, RATE), Recording.from_array(images, RATE)
    shares: list[float] = []
    side = Side(mixture=truth.select([0]), truth=truth)
    remove(recording, name, settings=SMALL.get(name, {}), side=side, progress=lambda stage, share: shares.append(share))
    assert all(0 <= share <= 1 for share in shares)

    def stop(stage: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remove(recording, name, settings=SMALL.get(name, {}), side=side, progress=stop)


def learn_stage(name: str, mics: np.ndarray, images: np.ndarray, **described: object) -> Stage:
    """Learn with a method and the side information that it needs."""
    recording = Recording.from_array(mics, RATE, **described)  # type: ignore[arg-type]
    offered = {"truth": Recording.from_array(images, RATE, **described)}  # type: ignore[arg-type]
    offered["mixture"] = Recording.from_array(images.sum(axis=0, keepdims=True), RATE)
    side = Side(**{need: offered[need] for need in create(name).needs})
    return learn(recording, name, settings=SMALL.get(name, {}), side=side)


def test_removing_is_learning_and_applying(name: str) -> None:
    """Both ways give the same samples."""
    mics, images = band(count(name))
    stage = learn_stage(name, mics, images)
    assert np.array_equal(stage.apply(Recording.from_array(mics, RATE)).read(), clean(name, mics, images).read())


def test_what_was_learnt_applies_elsewhere(name: str) -> None:
    """A stage learnt from one part of a recording cleans another of any length, unless it needs side information."""
    mics, images = band(count(name))
    if create(name).needs:
        pytest.skip("side information belongs to one recording")
    half = mics.shape[1] // 2
    stage = learn_stage(name, mics[:, :half], images[:, :half])
    other = Recording.from_array(mics[:, half - 777 :], RATE)
    found = stage.apply(other).read()
    assert found.shape == (len(mics), other.length)
    assert np.isfinite(found).all()


def test_a_saved_stage_is_the_same(name: str, tmp_path: Path) -> None:
    """A loaded stage gives the same samples; a stage that cannot be saved says so and writes nothing."""
    mics, images = band(count(name))
    stage, path = learn_stage(name, mics, images), tmp_path / "stage.debleed"
    if not stage.portable:
        assert not isinstance(create(name), PortableMethod)
        with pytest.raises(InputError, match="cannot be saved"):
            stage.save(path)
        assert not path.exists()
        return
    stage.save(path)
    loaded = Stage.load(path, name)
    for field in ("method", "settings", "rate", "names", "sources", "program"):
        assert getattr(loaded, field) == getattr(stage, field)
    recording = Recording.from_array(mics, RATE)
    assert np.array_equal(loaded.apply(recording).read(), stage.apply(recording).read())


def test_damaged_arrays_are_refused(name: str) -> None:
    """Arrays that are missing, have another shape or type, or are not finite are refused in one sentence."""
    mics, images = band(count(name))
    learned, method = learn_stage(name, mics, images).learned, create(name, **SMALL.get(name, {}))
    if not isinstance(learned, Portable) or not isinstance(method, PortableMethod):
        pytest.skip("nothing that could be saved")
    arrays = learned.arrays()
    for key, array in arrays.items():
        rest = {other: kept for other, kept in arrays.items() if other != key}
        damaged = [rest, rest | {key: array[..., None]}, rest | {key: array.astype("U")}]
        if array.dtype.kind in "fc":
            damaged.append(rest | {key: np.full_like(array, np.nan)})
        for given in damaged:
            with pytest.raises(InputError):
                method.restore(given, len(mics))


def test_permuted_microphones_permute_the_result(name: str) -> None:
    """The order of the microphones does not matter, unless a method takes a fixed number of sources by their order."""
    if create(name).source_count is not None or name in SEQUENTIAL:
        pytest.skip("the order is part of the method")
    mics, images = band(3)
    order, names = [2, 0, 1], ("vox", "bass", "drums")
    found = clean(name, mics[order], images[order], names=[names[i] for i in order]).read()
    assert close(found, clean(name, mics, images, names=names).read()[order])


def test_a_stage_refuses_other_recordings(name: str) -> None:
    """Another rate, other microphones, another order and other sources are refused."""
    mics, images = band(count(name))
    names = ("vox", "bass", "drums", "keys")[: count(name)]
    stage = learn_stage(name, mics, images, names=names)
    for recording, sentence in (
        (Recording.from_array(mics, 2 * RATE, names), "learnt at 8000 Hz"),
        (Recording.from_array(mics, RATE, names[::-1]), "another order"),
        (Recording.from_array(mics, RATE, ("flute", *names[1:])), "lacks: vox"),
        (Recording.from_array(mics[1:], RATE, names[1:]), "lacks: vox"),
        (Recording.from_array(mics, RATE, names, (None, *names[1:])), "'vox' is one of 'vox' in the stage"),
    ):
        with pytest.raises(InputError, match=sentence):
            stage.apply(recording)


def test_what_is_kept_stays(name: str) -> None:
    """Keeping the bleed of all sources leaves a microphone unchanged; the other microphones are cleaned as before."""
    mics, images = band(count(name))
    stage = learn_stage(name, mics, images)
    recording = Recording.from_array(mics, RATE)
    keep = {recording.names[0]: recording.names[1:]}
    if not isinstance(stage.learned, Selective):
        with pytest.raises(InputError, match="cannot keep"):
            stage.apply(recording, keep=keep)
        return
    found, plain = stage.apply(recording, keep=keep).read(), stage.apply(recording).read()
    assert close(found[:1], mics[:1])
    assert close(found[1:], plain[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
