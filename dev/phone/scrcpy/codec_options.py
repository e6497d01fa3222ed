"""
Codec options, `key[:type]=value[,...]`, as the genuine server reads them. Pure.

See scrcpy - doc/video.md, "codec options"; the values go to Android's MediaFormat.
"""

CodecValue = int | float | str


class OptionError(ValueError):
    """A server option is not valid; the text is the genuine server's where it has one."""


def parse_codec_options(text: str) -> dict[str, CodecValue]:
    """
    Parse a list of codec options; an empty text is an empty list.

    A backslash escapes a comma or a backslash.

    Raises:
        OptionError: If an option lacks `=`, its key or a known type, or its value is no number.
    """
    options: dict[str, CodecValue] = {}
    for option in _split(text):
        name, equal_sign, value = option.partition("=")
        if not equal_sign:
            raise OptionError("'=' expected")
        if not name:
            raise OptionError("Key may not be null")
        key, colon, kind = name.partition(":")
        options[key] = _convert(kind if colon else "int", value)
    return options


def _split(text: str) -> list[str]:
    parts = [""]
    escaped = False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
        elif character == "," and not escaped:
            parts.append("")
        else:
            parts[-1] += character
            if character in "\\,":
                escaped = False
    if not parts[-1]:
        # Nothing after the last comma is no option.
        parts.pop()
    return parts


def _convert(kind: str, value: str) -> CodecValue:
    try:
        match kind:
            case "int" | "long":
                return int(value)
            case "float":
                return float(value)
            case "string":
                return value
    except ValueError:
        raise OptionError(f'For input string: "{value}"') from None
    raise OptionError(f"Invalid codec option type (int, long, float, str): {kind}")
