"""What a process and those that it forks owe each other: one memory as far as possible, and one end.

When the parent is killed, the kernel (Linux) signals the child. Without it, SIGKILL on one process leaves its children
running, and holding their ports, beside their successors.
"""

import ctypes
import gc
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def share_memory() -> None:
    """Call it in the parent, right before it forks: frozen objects are skipped by the garbage collector, so the memory
    pages that they lie in stay shared."""
    gc.collect()
    gc.freeze()


def die_with_parent(parent: int, number: signal.Signals) -> None:
    """Call it in the child, right after the fork. `parent` is the process that forked."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    # It may have died before we asked.
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
