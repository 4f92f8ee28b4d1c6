"""The test suite. Folders are named after the rooms of `bridge` they test."""

from __future__ import annotations
