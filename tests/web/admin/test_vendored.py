"""What was taken over from others is unchanged, and has its licence beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

ADMIN = Path(__file__).parents[3] / "bridge" / "web" / "admin"
VENDORED = json.loads((ADMIN / "vendor.json").read_text(encoding="utf-8"))


def test_vendored_files_are_those_that_were_published() -> None:
    assert VENDORED
    for one in VENDORED:
        body = (ADMIN / one["file"]).read_bytes()
        assert hashlib.sha256(body).hexdigest() == one["sha256"], one["file"]
        assert (ADMIN / one["licence_file"]).read_text(encoding="utf-8").strip()


def test_every_minified_file_is_accounted_for() -> None:
    minified = {f"static/{path.name}" for path in (ADMIN / "static").glob("*.min.*")}

    assert minified == {one["file"] for one in VENDORED}
