"""Moments as text: RFC 3339 as stores send it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from secretsync.core.timestamps import format_timestamp, parse_timestamp

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T09:00:00Z", NINE),
        ("2026-11-24t09:00:00z", NINE),
        ("2026-11-24 09:00:00Z", NINE),
        ("2026-11-24T09:00:00+00:00", NINE),
        ("2026-11-24T09:00:00-00:00", NINE),
        ("2026-11-24T14:45:00+05:45", NINE),
        ("2026-11-24T02:00:00-07:00", NINE),
        ("2026-11-24T09:00:00.123456789Z", NINE + timedelta(microseconds=123456)),
        ("2026-11-24T09:00:00.5Z", NINE + timedelta(microseconds=500000)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1969-12-31T23:59:59Z", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_parse(text: str, expected: datetime) -> None:
    """Every form that RFC 3339 has, nanoseconds and leap seconds among them."""
    moment = parse_timestamp(text)
    assert moment == expected
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-24T09:00:00",
        "2026-11-24T09:00Z",
        "2026-1-1",
        "2026-02-30",
        "2026-11-24T24:00:00Z",
        "20261124",
        "2026-11-24T09:00:61Z",
        "2026-11-24T09:30:60Z",
        "2026-11-24T09:00:00+24:00",
        "2026-11-24T09:00:00+01:60",
        "9999-12-31T23:59:59-07:00",
        "9999-12-31T23:59:60Z",
        "0000-01-01",
        "2026-11-24T09:00:00Z\n",
        "\uff12\uff10\uff12\uff16-11-24",
    ],
)
def test_refuse(text: str) -> None:
    """A text that is not a timestamp, or is beyond the calendar, gives None; nothing raises."""
    assert parse_timestamp(text) is None


def test_print() -> None:
    """Seconds, in UTC, with four digits of the year."""
    assert (
        format_timestamp(datetime(2026, 11, 24, 2, 0, 0, 999999, tzinfo=timezone(timedelta(hours=-7))))
        == "2026-11-24T09:00:00Z"
    )
    assert format_timestamp(datetime(33, 1, 1, tzinfo=UTC)) == "0033-01-01T00:00:00Z"
