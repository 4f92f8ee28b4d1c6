"""One service as a process: its log, its signals, its end."""

from __future__ import annotations

import asyncio
import signal

from bridge import logs
from bridge.app import Service
from bridge.secrets import derive_key
from bridge.settings import Settings


async def run_service(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises UserMistake where it can't start."""
    secret = settings.secret_key
    writer = logs.configure(
        settings.log_format,
        settings.log_level,
        number_key=None if secret is None else derive_key(secret.get_secret_value(), "numbers"),
        secrets=settings.secret_values,
    )
    service = Service(settings)
    service.metrics.watch_log_lines(lambda: writer.dropped)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await service.start()
    waits = [asyncio.create_task(stopping.wait()), asyncio.create_task(service.wait())]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in waits:
            task.cancel()
        await service.stop()
