"""Nouns and decisions: nothing here reads, writes, waits or looks at a clock."""
