"""Claims, leases, pauses and failed work. Knows no text and no ticket."""
