"""P10: what people use instead, beside the bridge, installed into a temporary place."""

from __future__ import annotations
