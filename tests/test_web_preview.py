"""Previews, runs of another grouping, and what a run says of its files."""

import numpy as np
import pytest

from page import RATE, bled_band, client, folder_of, new, run, wait, wav


def long(web, seconds=14):
    quiet = np.random.default_rng(0).uniform(-0.05, 0.05, (2, seconds * RATE))
    quiet[:, 3 * RATE : 13 * RATE] *= 8
    return new(web, files={f"mic{i}.wav": wav(samples=row) for i, row in enumerate(quiet)})


def test_a_preview_is_ten_loud_seconds_and_not_to_be_downloaded(tmp_path):
    with client(tmp_path) as web:
        key = long(web)
        found = run(web, key, "unprocessed", preview=True)
        assert found["status"] == "done", found["error"]
        assert found["excerpt"] == pytest.approx([3, 13], abs=0.3)
        address = f"/api/sessions/{key}/runs/{found['id']}"
        assert found["figures"]["length"] == 10 * RATE
        heard, whole = (
            np.frombuffer(web.get(f"{place}/window?start={start}&count=800&layers=before").content, "<f4")
            for place, start in ((address, 0), (f"/api/sessions/{key}", round(found["excerpt"][0] * RATE)))
        )
        assert np.array_equal(heard, whole)
        assert web.get(f"{address}/picture?layer=after&mic=0&tile=0").status_code == 200
        refused = web.post(f"{address}/take", json={})
        assert refused.status_code == 409
        assert "a preview has no files" in refused.json()["error"]
        assert run(web, key)["figures"]["length"] == 14 * RATE


def test_a_result_of_another_grouping_says_so(tmp_path):
    with client(tmp_path) as web:
        key = new(web, files={f"mic{i}.wav": wav(seed=i) for i in range(3)})
        found = run(web, key)
        assert found["other_grouping"] is False
        web.patch(f"/api/sessions/{key}", json={"unit": "mic2", "source": "mic1"})
        assert web.get(f"/api/sessions/{key}").json()["runs"][0]["other_grouping"] is True
        web.patch(f"/api/sessions/{key}", json={"unit": "mic2", "source": "mic2"})
        assert web.get(f"/api/sessions/{key}").json()["runs"][0]["other_grouping"] is False


def test_a_run_names_its_files_before_they_are_written(tmp_path):
    with client(tmp_path) as web:
        key = new(web, files={f"mic{i}.wav": wav(seed=i) for i in (2, 0, 1)})
        web.patch(f"/api/sessions/{key}", json={"unit": "mic1", "left_out": True})
        found = run(web, key)
        assert found["inputs"] == ["mic0.wav", "mic2.wav"]
        poly = new(web, files={"all.wav": wav(channels=3)})
        assert run(web, poly)["inputs"] == ["all.wav"]


def test_how_far_a_run_is_never_goes_back_and_its_pace_is_kept(tmp_path):
    with client(tmp_path) as web:
        key = folder_of(web, bled_band(tmp_path / "gig"))
        begun = web.post(f"/api/sessions/{key}/runs", json={"method": "kamir"}).json()["id"]
        shares = []

        def ended(found):
            shares.append(found["share"])
            return found["status"] in ("done", "failed")

        assert wait(web, f"/api/sessions/{key}/runs/{begun}", ended)["status"] == "done"
        assert shares == sorted(shares)
        assert len(set(shares)) > 3
    assert '"kamir"' in (tmp_path / "pace.json").read_text()
