import numpy as np
import pytest
import soundfile as sf

from debleed import cli

RATE = 8000


def put(path, length=4000, channels=1, seed=0, rate=RATE, subtype="PCM_16", samples=None):
    path.parent.mkdir(exist_ok=True, parents=True)
    if samples is None:
        samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (length, channels))
    sf.write(path, samples, rate, subtype=subtype)
    return path


@pytest.fixture
def gig(tmp_path):
    folder = tmp_path / "gig"
    put(folder / "vox.wav", seed=1)
    put(folder / "bass.flac", seed=2, subtype="PCM_24")
    put(folder / "OH.wav", seed=3, channels=2)
    return folder


@pytest.fixture
def clean(tmp_path):
    return tmp_path / "clean"


def remove(folder, out, *options, method="unprocessed"):
    return cli.run(["remove", str(folder), "-o", str(out), "--method", method, *map(str, options)])


def sentence(capsys):
    """Return what was refused with: the last line of the error stream, which must be one sentence and no traceback."""
    said = capsys.readouterr()
    assert not said.out
    assert "Traceback" not in said.err
    lines = [line for line in said.err.splitlines() if line.startswith("debleed: ")]
    assert len(lines) == 1
    return lines[0]


def same(folder, out):
    for path in out.iterdir():
        np.testing.assert_array_equal(sf.read(path)[0], sf.read(folder / path.name)[0])
        assert sf.info(path).subtype == sf.info(folder / path.name).subtype


def test_init_writes_a_session_that_changes_nothing(gig, clean, capsys):
    assert cli.run(["init", str(gig)]) == 0
    assert 'room = ["OH"]' in (gig / "session.toml").read_text()
    capsys.readouterr()
    assert cli.run(["init", str(gig)]) == 2
    assert "session.toml" in sentence(capsys)
    assert cli.run(["init", str(gig), "--force"]) == 0
    assert remove(gig, clean) == 0
    same(gig, clean)


def test_init_reads_the_tracks_of_a_project(gig, clean):
    tracks = "".join(
        f'<TRACK\nNAME "{name}"\n<ITEM\nLENGTH 1\n<SOURCE WAVE\nFILE "{name}.wav"\n>\n>\n>\n'
        for name in ("vox", "OH L")
    )
    (gig / "gig.rpp").write_text(f"<REAPER_PROJECT 0.1\n{tracks}>\n", "utf-8")
    assert cli.run(["init", str(gig / "gig.rpp")]) == 0
    text = (gig / "gig.session.toml").read_text("utf-8")
    assert '"vox", "OH L"' in text
    assert 'room = ["OH L"]' in text
