"""INI files as configparser reads them; apart, since few repositories have one and it takes time to load."""

from __future__ import annotations

import configparser


def parse_ini(text: str) -> dict[str, dict[str, str]]:
    """Return the options of every section of a text.

    Raises:
        ValueError: it has no sections, or is malformed.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    return {section: dict(parser.items(section)) for section in parser.sections()}
