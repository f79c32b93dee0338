"""Lines as a benchmark writes them, made up."""

from typing import Any


def a_line(item: str, method: str, waspaa2023_sdr: float) -> dict[str, Any]:
    row = {"name": "vocals", "sdr": waspaa2023_sdr, "input_sdr": 0.0, "waspaa2023_sdr": waspaa2023_sdr}
    scores = {"sources": [row], "median": {key: 0 for key in row if key != "name"}}
    known = {"bleed": "room", "split": "test", "settings": {}, "version": "0", "rate": 8000, "seconds": 60.0}
    cost = {"took": 6.0, "memory": 5}
    return {**known, **cost, "item": item, "track": item, "sound": item, "method": method, "scores": scores}
