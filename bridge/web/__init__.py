"""The way in: webhooks, probes and the API. Handlers read, call a flow, answer; no logic."""
