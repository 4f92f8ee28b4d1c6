"""`.env` in the working folder: lines of NAME=VALUE, of which a fault is told without a word."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

from bridge.errors import UserMistake

_OPENED_QUOTE: Final = re.compile(r"[^=#]+=\s*['\"]")


def read_env_file(file: Path) -> dict[str, str]:
    """What a file of NAME=VALUE lines sets. Raises UserMistake, without a word of the file."""
    if file.is_dir():  # some keep a virtual environment by this name
        return {}
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserMistake(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserMistake(f"{file}, line {line}: expected UTF-8 text") from None
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
        elif binding.key is not None or binding.error:
            whole = binding.original.string
            written = whole.lstrip()  # the empty lines before it are counted as its own
            line = binding.original.line + whole.count("\n") - written.count("\n")
            quoted = _OPENED_QUOTE.match(written)
            wanted = "a quote that ends with the value" if quoted else "NAME=VALUE, or a # remark"
            raise UserMistake(f"{file}, line {line}: expected {wanted}")
    return found
