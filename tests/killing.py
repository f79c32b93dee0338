"""Kill a job, or a batch of them, at a point of its work, as a program of its own: ``killing.py COUNT SEED IN PLACE``.

If IN has folders in it, it is a batch.

It forks a child for each run, which is fast because everything is imported already. A child is killed, as by kill -9,
in the n-th call that changes something on the disk; n is drawn from all of them. The job is then run again, killed
again and so on. Once it comes through, its files must be those of a run that nobody disturbed. What happened
is printed as JSON.
"""

import json
import os
import random
import re
import shutil
import signal
import sys
import traceback
from pathlib import Path

from debleed import InputError, cli, job, recording
from debleed.methods import baseline, instantaneous  # noqa: F401 - what a job imports late

CHANGES = {"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}

recording.Recording.blocks.__defaults__ = (1.0,)  # more blocks in less sound


def changes(event: str, arguments: tuple) -> bool:
    """Whether a call changes something on the disk."""
    if event == "open":
        _, mode, flags = arguments
        return (isinstance(mode, str) and any(letter in mode for letter in "wxa+")) or bool(
            flags & (os.O_CREAT | os.O_RDWR)
        )
    return event in CHANGES


def clean(source: Path, out: Path) -> None:
    """Do the job or the batch."""
    if not any(path.is_dir() for path in source.iterdir()):
        job.clean_folder(source, out, method="instantaneous", removed=out.with_name("removed"))
    elif cli.run(["batch", str(source), "-o", str(out), "--method", "instantaneous", "--keep-removed"]):
        raise RuntimeError("a recording of the batch failed")


def run(source: Path, out: Path, die_at: int | None) -> tuple[bool, int]:
    """Run the job in a child and return whether it came through, and how often it changed something."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code, count = 1, 0

        def watch(event: str, arguments: tuple) -> None:
            nonlocal count
            if changes(event, arguments):
                if count == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1

        sys.addaudithook(watch)
        try:
            clean(source, out)
            code = 0
            os.write(writing, str(count).encode())
        except InputError as refusal:
            code = 3 if "exists already" in str(refusal) else 1
            print(refusal, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    said = os.read(reading, 99)
    os.close(reading)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, 3, -signal.SIGKILL):
        raise SystemExit(f"a run failed with {code}, to be killed at {die_at}")
    return code != -signal.SIGKILL, int(said or 0)


def contents(folder: Path) -> dict[str, bytes]:
    """Read everything below a folder, except for how long it took and which run of a batch did it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        found[str(path.relative_to(folder))] = path.read_bytes() if path.is_file() else b""
        if path.name == "cleaned.json":
            found[str(path.relative_to(folder))] = re.sub(rb'"seconds": .*', b"", path.read_bytes())
        elif path.name.startswith("batch."):
            found[str(path.relative_to(folder))] = b""
    return found


def main(count: int, seed: int, source: Path, place: Path) -> None:
    """Kill ``count`` runs, and compare what the runs that came through have written."""
    draw = random.Random(seed)
    place.mkdir()
    _, points = run(source, place / "clean", None)
    wanted = contents(place)
    changed = all(wanted[f"clean/{name}"] != data for name, data in contents(source).items())
    shutil.rmtree(place)
    kills, through, wrong, going = 0, 0, [], False
    while kills < count or going:
        place.mkdir(exist_ok=True)
        # in a run that goes on there are fewer points, so some come through
        die_at = draw.randrange(points) if kills < count else None
        done, _ = run(source, place / "clean", die_at)
        kills += not done
        going = not done
        if done:
            through += 1
            if contents(place) != wanted:
                wrong.append({"die_at": die_at, "there": sorted(contents(place))})
            shutil.rmtree(place)
    print(json.dumps({"points": points, "kills": kills, "through": through, "wrong": wrong, "changed": changed}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
