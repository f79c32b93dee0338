"""What holds for all tests."""

import hypothesis
import pytest

from browser import address, browser, served

__all__ = ["address", "browser", "served"]

# no test may depend on how busy the machine is
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

pytest.register_assert_rewrite("debleed.contract")  # its tests are no test module by name
