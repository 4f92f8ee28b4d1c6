"""SMS to ticket bridge: each text becomes a comment, each public reply becomes a text."""

__version__ = "0.1.0"
