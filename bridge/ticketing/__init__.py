"""Writing to a desk exactly once: tickets, comments, notes; and following merges."""
