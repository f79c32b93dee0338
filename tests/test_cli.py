import os
import subprocess
import sys


def started(code, **options):
    """Run Python code that calls the command line, in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    streams = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, **streams, **options)


def test_help_comes_at_once():
    code = "import sys; from debleed.cli import run; run(['remove', '--help']); print(*sys.modules)"
    process = started(code)
    loaded = process.communicate(timeout=60)[0].split()
    assert "--keep-removed" in loaded
    assert not {"scipy", "soundfile", "soxr", "rich", "pyroomacoustics", "torch"} & set(loaded)
