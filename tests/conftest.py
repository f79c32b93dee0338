"""What holds for all tests."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import hypothesis
import pytest

from browser import address, axe, browser, served
from folders import band, gig, songs_folder

__all__ = ["address", "axe", "band", "browser", "gig", "served", "songs_folder"]

# No test may depend on how busy the machine is, and none may fail on a change that has nothing to do with it: the same
# examples every time. To look for new ones: pytest --hypothesis-profile search
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("same")

pytest.register_assert_rewrite("debleed.contract")  # its tests are no test module by name


@pytest.fixture
def jack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A JACK server that belongs to this test, with 4 inputs and outputs; skipped where there is none."""
    from live_stages import RATE

    try:
        import jack
    except (ImportError, OSError):
        pytest.skip("needs JACK: pip install 'debleed[live]' and libjack")
    if shutil.which("jackd") is None:
        pytest.skip("needs the server of JACK: jackd")
    name = f"debleed-test-{os.getpid()}"
    monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
    command = ["jackd", "--no-realtime", "--name", name, "-d", "dummy", "-r", str(RATE), "-p", "256", "-C4", "-P4"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                time.sleep(0.1)
                try:
                    jack.Client("probe", no_start_server=True).close()
                    break
                except jack.JackError:
                    continue
            else:
                pytest.skip("needs a JACK server that starts")
            yield process
        finally:
            process.terminate()
