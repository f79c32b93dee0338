import numpy as np
import pytest

from debleed.bench import memory


@pytest.mark.skipif(memory.forget_peak() is None, reason="this system does not tell its peak of memory")
def test_peak_memory_is_that_of_the_work() -> None:
    held = memory.forget_peak()
    assert held is not None
    block = np.ones(2**25)  # 256 MiB
    del block
    peak = memory.peak_memory()
    assert peak is not None
    assert 250 < peak - held < 400
    memory.forget_peak()
    again = memory.peak_memory()
    assert again is not None
    assert again < peak - 200
