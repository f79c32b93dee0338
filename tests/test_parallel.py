import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed import Recording, remove
from debleed.dsp import parallel
from debleed.dsp.parallel import chunks, in_parallel, limited, threads


@pytest.fixture
def many(monkeypatch):
    """Pretend to be on a machine of eight processors without any limit."""
    monkeypatch.setattr(parallel, "_processors", lambda: 8)
    monkeypatch.setattr(parallel, "_quota", lambda groups, membership: None)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_all_processors_without_a_limit(many):
    assert threads() == 8


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("3", 3), ("4,2", 4), ("64", 8), ("", 8), ("0", 8), ("x", 8)])
def test_the_environment_limits(many, monkeypatch, text, count):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads() == count


def test_limits_nest_and_end(many):
    with limited(4):
        assert threads() == 4
        with limited(6):
            assert threads() == 4
        with limited(1):
            assert threads() == 1
        assert threads() == 4
    assert threads() == 8


def test_linear_algebra_is_limited_too():
    from threadpoolctl import threadpool_info

    with limited(1):
        assert all(pool["num_threads"] == 1 for pool in threadpool_info())


def test_linear_algebra_has_one_thread_while_ours_work(many):
    from threadpoolctl import threadpool_info

    def counts(part=0):
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    in_parallel(counts, range(3))  # everything is loaded
    before = counts()
    assert before
    assert in_parallel(counts, range(3)) == [[1] * len(before)] * 3
    assert counts() == before


@pytest.mark.parametrize(
    ("groups", "own", "count"),
    [
        ({"": "max 100000"}, "0::/", None),
        ({"": "250000 100000"}, "0::/", 3),
        ({"": "50000 100000"}, "0::/", 1),
        ({"a": "400000 100000", "a/b": "max 100000"}, "0::/a/b", 4),
        ({"a": "400000 100000", "a/b": "200000 100000"}, "4:memory:/x\n0::/a/b", 2),
        ({"": "nonsense"}, "0::/", None),
        ({}, "4:memory:/x", None),
    ],
)
def test_control_groups_limit(tmp_path, groups, own, count):
    for name, text in groups.items():
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "cpu.max").write_text(text)
    membership = tmp_path / "cgroup"
    membership.write_text(own)
    assert parallel._quota(tmp_path, membership) == count


def test_without_control_groups(tmp_path):
    assert parallel._quota(tmp_path, tmp_path / "nothing") is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity")
def test_the_affinity_limits():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from debleed.dsp.parallel import threads; print(threads())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True).stdout == b"1\n"
    )


def test_no_more_threads_than_allowed(many, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    at_work, most, lock = [0], [0], threading.Lock()

    def work(part):
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.01)
        with lock:
            at_work[0] -= 1

    in_parallel(work, range(12))
    assert most[0] == 3


def test_one_thread_is_this_one(many):
    with limited(1):
        assert set(in_parallel(lambda part: threading.get_ident(), range(5))) == {threading.get_ident()}


@pytest.mark.parametrize("count", [1, 4])
def test_results_come_in_order_and_errors_come_through(many, count):
    with limited(count):
        assert in_parallel(lambda part: part * part, range(20)) == [part * part for part in range(20)]
        with pytest.raises(ZeroDivisionError):
            in_parallel(lambda part: 1 / part, [1, 0])


@given(bins=st.integers(0, 3000), values=st.integers(0, 2_000_000))
def test_chunks_cover_the_bins_once(bins, values):
    covered = [b for part in chunks(bins, values) for b in range(bins)[part]]
    assert covered == list(range(bins))


@pytest.mark.parametrize("method", ["demix", "instantaneous"])
def test_results_do_not_depend_on_the_threads(many, method):
    rng = np.random.default_rng(0)
    dry = 0.1 * rng.standard_normal((3, 16000)) * rng.uniform(0, 1, (3, 16)).repeat(1000, axis=1) ** 2
    mixed = np.array([[1, 0.3, 0.2], [0.25, 1, 0.3], [0.2, 0.3, 1]]) @ dry
    recording = Recording.from_array(mixed, 8000)
    found = []
    for count in (1, 3):
        with limited(count):
            found.append(remove(recording, method).read())
    assert np.array_equal(*found)
