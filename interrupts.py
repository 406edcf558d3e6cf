"""Imported first: Ctrl-C while torch and Lightning are imported ends the program, and shows no traceback of theirs."""

import signal
import sys
from pathlib import Path

PROGRAMS = ("train.py", "explain.py")


def default_for(program: str) -> None:
    """Let the system end one of our programs at Ctrl-C, as a shell expects it; leave others, such as pytest, alone."""
    if Path(program).name in PROGRAMS and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def catch() -> None:
    """From here on Ctrl-C is a ``KeyboardInterrupt`` again."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


default_for(sys.argv[0])
