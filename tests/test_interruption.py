"""Signals in processes of their own; tests/test_cli_remove.py has them in the middle of jobs."""

import signal
import subprocess
import sys

import pytest

CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


def process(code, name, *before):
    """Run code that prints a line when the signal may come, and return its exit code and error stream."""
    command = [*before, sys.executable, "-uc", f"import signal, time\nfrom debleed.interruption import *\n{code}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.readline()
        running.send_signal(getattr(signal, name))
        _, error = running.communicate(timeout=60)
    return running.returncode, error


@pytest.mark.parametrize("name", CODES)
def test_during_start_up_the_end_is_a_sentence(name):
    code = (
        "during_startup()\n"
        "try: print('now'), time.sleep(60)\n"
        "except BaseException: print('an exception that an import would swallow')\n"
    )
    code, error = process(code, name)
    assert (code, len(error.splitlines())) == (CODES[name], 1)
    assert "nothing was begun" in error


@pytest.mark.parametrize("name", CODES)
def test_during_work_it_is_an_exception_and_the_second_ends_at_once(name):
    code = (
        "during_work()\n"
        "try: print('now'), time.sleep(60)\n"
        "except Interrupted as end:\n"
        "    assert exit_code(end.number) - 128 == end.number\n"
        "    signal.raise_signal(end.number)\n"
        "    time.sleep(60)\n"
    )
    assert process(code, name) == (CODES[name], "")


def test_what_is_ignored_stays_ignored():
    code = "during_work()\nprint('now')\ntime.sleep(0.5)\n"
    ignoring = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]  # as nohup does
    assert process(code, "SIGHUP", *ignoring) == (0, "")
