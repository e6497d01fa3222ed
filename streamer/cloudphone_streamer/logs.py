"""Logs as `key=value` lines on standard error: readable by people and by log collectors."""

import logging
import sys
import time

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}

_LIBRARIES = ("aioice", "aiortc", "aiohttp", "asyncio", "libav")


class KeyValueFormatter(logging.Formatter):
    """`time=... level=... logger=... msg="..."`, then the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record; tracebacks become one quoted value."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name.removeprefix("cloudphone_streamer."),
            "msg": record.getMessage(),
        }
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD_FIELDS}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return " ".join(f"{key}={_quote(str(value))}" for key, value in fields.items())


def _quote(text: str) -> str:
    if text.isprintable() and text and not any(character in ' "=' for character in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(
            character if character.isprintable() else repr(character)[1:-1] for character in escaped
        )
        + '"'
    )


def configure(level: str) -> None:
    """Log this package at `level`, and libraries from warnings on unless that is `debug`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper())
    if level != "debug":
        for name in _LIBRARIES:
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.root.level))
