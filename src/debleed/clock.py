"""Times as a clock shows them: in words, and in columns."""

from __future__ import annotations


def clock(seconds: float, digits: int = 0) -> str:
    """Format a time as minutes and seconds, with hours if there are any.

    Parameters
    ----------
    seconds
        From the beginning of a recording, or its length; it is rounded to the last digit.
    digits
        Digits after the decimal point.

    Examples
    --------
    >>> clock(5), clock(842), clock(3723), clock(75.25, 1), clock(119.96, 1)
    ('0:05', '14:02', '1:02:03', '1:15.2', '2:00.0')
    """
    hours, rest = _parts(seconds, digits)
    return f"{hours}:{rest}" if hours else rest.removeprefix("0")


def hours(seconds: float, digits: int = 0) -> str:
    """Format a time for a column: as hours, minutes and seconds, with decimals only if one of them is not 0.

    Parameters
    ----------
    seconds
        Rounded to the last digit.
    digits
        Digits after the decimal point, if there are any.

    Examples
    --------
    >>> hours(59.6), hours(699.05, 3), hours(3661, 3)
    ('0:01:00', '0:11:39.050', '1:01:01')
    """
    whole, rest = _parts(seconds, digits)
    return f"{whole}:{rest}".removesuffix("." + digits * "0")


def _parts(seconds: float, digits: int) -> tuple[int, str]:
    """Return the hours, and the rest in two digits each."""
    whole, part = divmod(round(seconds * 10**digits), 10**digits)
    decimals = f".{part:0{digits}d}" if digits else ""
    return whole // 3600, f"{whole // 60 % 60:02d}:{whole % 60:02d}{decimals}"
