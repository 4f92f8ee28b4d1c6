"""Faults on purpose: what breaks outside, what dies inside, and what would break without our means."""
