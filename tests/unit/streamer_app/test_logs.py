import logging

import pytest

from cloudphone_streamer.logs import KeyValueFormatter


def line(message: str, **fields: object) -> str:
    record = logging.makeLogRecord(
        {
            "name": "cloudphone_streamer.app",
            "levelname": "INFO",
            "msg": message,
            "created": 0.0,
            "msecs": 7.0,
            **fields,
        }
    )
    return KeyValueFormatter().format(record)


def test_a_record_is_one_line_of_keys_and_values() -> None:
    assert line("viewer left", subject="alice", viewers=2) == (
        'time=1970-01-01T00:00:00.007Z level=info logger=app msg="viewer left" '
        "subject=alice viewers=2"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("two\nlines", '"two\\nlines"'),
        ('a "quote"', '"a \\"quote\\""'),
        ("", '""'),
        ("a=b", '"a=b"'),
        ("back\\slash here", '"back\\\\slash here"'),
        ("\x1b[31mred", '"\\x1b[31mred"'),
    ],
)
def test_no_value_can_forge_a_line_or_a_field(value: str, written: str) -> None:
    assert line("m", subject=value).endswith(f" subject={written}")
