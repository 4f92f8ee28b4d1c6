"""Faults on purpose: a proxy that breaks calls, storms, and the checker of what came of them."""
