"""One service as a process: its log, its signals, its end."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable

from bridge import logs
from bridge.app import Service
from bridge.invitations import first_link
from bridge.secrets import derive_key
from bridge.settings import Settings

# What a text leaves behind is freed without the collector. At its usual pace (700 objects) it looks
# for circles some ten times a text, which took a fifth of accepting one.
COLLECT_AFTER = (20_000, 20, 50)


async def run_service(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; `say` hears what is for the terminal and not for the log.

    Raises UserMistake where it can't start.
    """
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
    gc.freeze()  # what is there now stays for good
    gc.set_threshold(*COLLECT_AFTER)
    link = await service.database.write(lambda tx: first_link(tx, settings.public_url))
    if link is not None:
        say(f"The console has no users yet. To make the first admin, within a day: {link}")
    waits = [asyncio.create_task(stopping.wait()), asyncio.create_task(service.wait())]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in waits:
            task.cancel()
        await service.stop()
