"""Faults on purpose: what breaks outside, and what would break without our own mechanisms."""
