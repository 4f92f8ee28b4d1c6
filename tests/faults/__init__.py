"""Faults on purpose: outside, inside, and with one of our own mechanisms taken away."""
