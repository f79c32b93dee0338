from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from debleed.recording import InputError
from debleed.workers import RETRIES, each, explained


def square(number: int) -> int:
    if number == 3:
        raise InputError("three is refused")
    return number**2


def dies_once(job: tuple[Path, int]) -> int:
    """Kill the process that does job 2 for the first time."""
    folder, number = job
    if number == 2 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def always_dies(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def counted_failure(folder: Path) -> int:
    (folder / str(len(list(folder.iterdir())))).touch()
    raise OSError("the network is down")


def test_one_process_keeps_the_order_and_goes_on_after_an_error() -> None:
    found = list(each(square, [1, 3, 2]))
    assert [job for job, _ in found] == [1, 3, 2]
    assert [found[0][1], found[2][1]] == [1, 4]
    assert isinstance(found[1][1], InputError)


def test_interruption_ends_everything() -> None:
    def interrupted(number: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(each(interrupted, [1, 2]))


def test_a_missing_engine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(InputError, match=r"debleed\[batch\]"):
        list(each(square, [1, 2], workers=2))


def test_no_scheduler_answers() -> None:
    pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    with pytest.raises(InputError, match="no dask scheduler answers at 'nonsense://"):
        list(each(square, [1, 2], scheduler="nonsense://127.0.0.1:1"))


def test_a_cluster_of_two_workers_one_of_them_killed(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    found = dict(each(dies_once, [(tmp_path, number) for number in range(5)], workers=2))
    assert (tmp_path / "died").exists()
    assert sorted(found.values()) == [0, 1, 2, 3, 4]


def test_a_job_that_kills_every_worker_loses_only_itself(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    found = dict(each(always_dies, [0, 1, 2], workers=2))
    assert isinstance(found[1], Exception)
    assert (found[0], found[2]) == (0, 2)


def test_errors_are_tried_again_but_refusals_are_not(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    (outcome,) = dict(each(counted_failure, [tmp_path], workers=2)).values()
    assert isinstance(outcome, OSError)
    assert len(list(tmp_path.iterdir())) == 1 + RETRIES
    found = dict(each(square, [3, 4], workers=2))
    assert isinstance(found[3], InputError)
    assert found[4] == 16


def test_one_process_tries_errors_again_but_not_refusals_and_full_disks(tmp_path: Path) -> None:
    ((_, outcome),) = each(counted_failure, [tmp_path])
    assert isinstance(outcome, OSError)
    assert len(list(tmp_path.iterdir())) == 1 + RETRIES
    for error in (InputError("no"), OSError(errno.ENOSPC, "full")):
        calls = []

        def refused(job: int, calls: list[int] = calls, error: Exception = error) -> int:
            calls.append(job)
            raise error

        assert list(each(refused, [7])) == [(7, error)]
        assert calls == [7]


def told_square(number: int, tell: Callable[[object], None]) -> int:
    tell({"halfway to": number**2})
    return number**2


@pytest.mark.parametrize("workers", [1, 2])
def test_what_jobs_tell_is_heard(workers: int) -> None:
    if workers > 1:
        pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    heard: list[tuple[int, object]] = []
    found = dict(each(told_square, [2, 3], workers, heard=lambda job, said: heard.append((job, said))))
    assert found == {2: 4, 3: 9}
    assert sorted(heard, key=str) == [(2, {"halfway to": 4}), (3, {"halfway to": 9})]


def test_a_scheduler_elsewhere_works_the_same() -> None:
    distributed = pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    heard: list[tuple[int, object]] = []
    with distributed.LocalCluster(1, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        found = dict(each(told_square, [2], scheduler=address, heard=lambda job, said: heard.append((job, said))))
        refused = dict(each(square, [3], scheduler=address))
    assert (found, heard) == ({2: 4}, [(2, {"halfway to": 4})])
    assert isinstance(refused[3], InputError)


def test_what_is_kept_is_said_with_the_error() -> None:
    error = InputError("the drive is gone")
    error.add_note("what was done is kept")
    assert explained(error) == "the drive is gone; what was done is kept"
    assert "memory" in explained(MemoryError())
    assert "disk is full" in explained(OSError(errno.ENOSPC, "no"))
