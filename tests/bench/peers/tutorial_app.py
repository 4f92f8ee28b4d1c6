"""The shape of the tutorials: Zendesk is called within the webhook, nothing is kept.

Run by gunicorn in an environment of its own, which knows nothing of the bridge.
"""

from __future__ import annotations

import os

import requests
from flask import Flask, request

app = Flask(__name__)
zendesk = requests.Session()


@app.get("/readyz")
def say_ready() -> str:
    """It needs nothing that it would have to wait for."""
    return ""


@app.post("/carriers/twilio/inbound")
def take_text() -> tuple[str, int]:
    """Make a ticket, then tell the carrier."""
    ticket = {"subject": f"Text from {request.form['From']}", "comment": request.form["Body"]}
    url = os.environ["ZENDESK_URL"] + "/api/v2/tickets"
    answer = zendesk.post(url, json={"ticket": ticket}, auth=("me/token", "token"), timeout=10)
    return "", 200 if answer.ok else 502
