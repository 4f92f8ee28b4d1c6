"""The `bridge` command: every group in one place, and how each way of ending looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click
import structlog

import bridge
from bridge.cli.contacts import contacts
from bridge.cli.failed import failed
from bridge.cli.messages import messages
from bridge.cli.sending import sending
from bridge.cli.service import backup, demo, doctor, migrate, serve
from bridge.cli.settings_file import export_file, import_file
from bridge.cli.users import users
from bridge.cli.zendesk import zendesk
from bridge.errors import BadRequest, BridgeError, UserMistake

FAILED = 1
MISTAKE = 2
INTERRUPTED = 130  # 128 and SIGINT, as shells have it


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(bridge.__version__, prog_name="bridge")
def cli() -> None:
    """Text messages to Zendesk tickets, and the agents' replies back.

    Settings come from the environment and from .env in the working folder.
    """


for command in (
    *(demo, serve, doctor, migrate, backup, import_file, export_file),
    *(messages, failed, sending, contacts, users, zendesk),
):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command of this process's arguments, and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code: 0, 1 for a failure, 2 for a user's mistake."""
    try:
        ended = cli.main(args=list(arguments), prog_name="bridge", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return MISTAKE
    except click.ClickException as error:
        return _say(_explain_usage(error), MISTAKE)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (UserMistake, BadRequest) as error:
        return _say(str(error), MISTAKE)
    except BridgeError as error:
        return _say(str(error), FAILED)
    except Exception as error:  # noqa: BLE001 - the edge: nothing above it but the shell
        structlog.get_logger().debug("command failed", exc_info=True)
        name = type(error).__name__
        return _say(f"a fault of the bridge itself: {name} (BRIDGE_LOG_LEVEL=debug: where)", FAILED)
    return ended if isinstance(ended, int) else 0


def _explain_usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return error.format_message()
    return f"{error.format_message()} Try '{context.command_path} --help'."


def _say(words: str, code: int) -> int:
    for line in words.splitlines():
        click.echo(f"bridge: {line}", err=True)
    return code
