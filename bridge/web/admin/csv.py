"""Tables as CSV (RFC 4180) that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from aiohttp import web

# A cell that begins so is run by Excel, LibreOffice and Google Sheets (OWASP, CSV injection).
DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
PLAIN_NUMBER: Final = re.compile(r"\+\d{7,15}")  # E.164: stays readable to programs


def safe_cell(value: object) -> str:
    """A value as a cell: what would be a formula gets an apostrophe before it."""
    text = "" if value is None else str(value)
    if text.startswith(DANGEROUS) and not PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def csv_answer(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, name: str
) -> web.Response:
    """A file to download, with this name and .csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    safe_name = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:80]
    return web.Response(
        text=text.getvalue(),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{safe_name}.csv"'},
    )
