"""Zendesk: `desk.py` is the desk, `api.py` the calls, `events.py` what Zendesk sends us."""
