"""Tests of the pure decisions."""

from __future__ import annotations
