"""The command `gradconform`."""

from __future__ import annotations

import errno
import importlib
import signal
import threading
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NoReturn

import click
from rich.console import Console

from gradconform.command.exits import INTERRUPTED, USAGE
from gradconform.errors import GradconformError
from gradconform.version import __version__

errors = Console(stderr=True, highlight=False, soft_wrap=True)


# Name -> module of this folder. One is imported when it is typed: pandas takes a second, and `check` needs none.
COMMANDS = {
    "run": "run",
    "capture": "capture",
    "judge": "judge",
    "compare": "compare",
    "history": "history",
    "table": "table",
    "why": "why",
    "numeric": "numeric",
    "check": "check",
    "list": "listing",
    "operators": "operators",
    "defaults": "defaults",
    "atlas": "atlas",
    "coverage": "coverage",
    "doctor": "doctor",
    "setup": "setup",
}


class Failing(click.Group):
    """The group of commands; of an error that a user can mend it prints the message and exits with status 2.

    Nothing else catches these errors.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command that is called by a name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"gradconform.command.{COMMANDS[cmd_name]}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        # As Ctrl-C: what was started is ended, and what lies about meanwhile is removed.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)
        try:
            return super().invoke(ctx)
        except GradconformError as error:
            errors.print(str(error), markup=False)
        except BrokenProcessPool:
            errors.print("a process of gradconform itself was killed, most likely for want of memory; run fewer specs")
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            errors.print(f"{error.filename or 'input or output'}: {error.strerror or error}", markup=False)
        except KeyboardInterrupt as error:
            errors.print("interrupted; earlier results are untouched", markup=False)
            ctx.exit(INTERRUPTED + (error.args[0] if error.args else signal.SIGINT))
        ctx.exit(USAGE)


def _interrupt(number: int, _: object) -> NoReturn:
    raise KeyboardInterrupt(number)


@click.group(cls=Failing, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gradconform")
def main() -> None:
    """Judge the gradients of PyTorch, Chainer and NNabla, layer by layer, against a float64 reference.

    Exit status: 0 everything conforms or is known; 1 something diverges; 2 bad usage or a bad spec; 3 a framework
    could not be run.
    """
