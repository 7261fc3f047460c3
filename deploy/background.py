"""The relay, the clock and a worker for each queue, forked from one process that has imported what they need.

Started separately each needs some 55 MB of its own; forked they share nearly all of it (docs/adr/0040). This process
only waits: it restarts whatever ends, and passes a stop on."""

import ctypes
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.parent import die_with_parent, share_memory

logger = logging.getLogger(__name__)

# People wait for the API, nobody for the rest: when the processor is scarce, saves come first.
NICENESS = 10
PR_SET_NAME = 15
# An outage may last: the pause grows and the tries never end. A fork costs little, so it need not grow long.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
# A process that ran this long started well: the next pause is the shortest one again.
STARTED_WELL_SECONDS = 10.0
WAKING = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


@dataclass
class _Member:
    """One process, or the pause until its next start."""

    name: str
    main: Callable[[], object]
    pause: float
    started_at: float = 0.0
    start_at: float = 0.0
    pid: int | None = None


class Background:
    """``members``: what each process does, by its name; a function that returns ends its process."""

    def __init__(self, members: Mapping[str, Callable[[], object]]) -> None:
        self._members = [_Member(name, main, FIRST_PAUSE_SECONDS) for name, main in members.items()]
        self._is_stopping = False

    def run(self) -> None:
        """Run until SIGTERM or SIGINT; then signal the members once and wait for them."""
        # Blocked, so that each is taken by sigtimedwait and none is lost between two calls.
        signal.pthread_sigmask(signal.SIG_BLOCK, WAKING)
        share_memory()
        while True:
            if not self._is_stopping:
                self._start_due()
            elif not any(member.pid for member in self._members):
                return
            self._wait()
            self._reap()

    def _start_due(self) -> None:
        for member in self._members:
            if member.pid is None and member.start_at <= time.monotonic():
                self._start(member)

    def _start(self, member: _Member) -> None:
        parent = os.getpid()
        member.started_at = time.monotonic()
        member.pid = os.fork()
        if member.pid == 0:
            _be(member, parent)

    def _wait(self) -> None:
        """Until a child ends, a start is due, or we are to stop."""
        starts = [member.start_at for member in self._members if member.pid is None and not self._is_stopping]
        seconds = max(0.0, min(starts) - time.monotonic()) if starts else 3600.0
        received = signal.sigtimedwait(WAKING, seconds)
        if received and received.si_signo != signal.SIGCHLD and not self._is_stopping:
            self._is_stopping = True
            for member in self._members:
                if member.pid:
                    os.kill(member.pid, signal.SIGTERM)

    def _reap(self) -> None:
        for member in self._members:
            if member.pid is None:
                continue
            ended, status = os.waitpid(member.pid, os.WNOHANG)
            if ended:
                member.pid = None
                self._put_off(member, os.waitstatus_to_exitcode(status))

    def _put_off(self, member: _Member, code: int) -> None:
        if self._is_stopping:
            return
        now = time.monotonic()
        if now - member.started_at > STARTED_WELL_SECONDS:
            member.pause = FIRST_PAUSE_SECONDS
        logger.error("%s ended with %s and is started again in %.1f s", member.name, code, member.pause)
        member.start_at = now + member.pause
        member.pause = min(2 * member.pause, LONGEST_PAUSE_SECONDS)


def give_way() -> None:
    """Lower the priority once: forked processes inherit it."""
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


def import_all() -> None:
    """Import what the members need before the fork: what they import afterwards is not shared."""
    for module in ("events.relay", "workers.clock", "workers.runner"):
        importlib.import_module(module)
    from workers.reaction import prepare

    prepare()


def _be(member: _Member, parent: int) -> None:
    """In the child: never returns."""
    code = 1
    try:
        # Ctrl-C is for the parent, which passes it on as SIGTERM; to RQ a second signal means to drop its job.
        os.setpgid(0, 0)
        die_with_parent(parent, signal.SIGTERM)
        ctypes.CDLL(None).prctl(PR_SET_NAME, member.name.removeprefix("worker-").encode()[:15], 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAKING)
        member.main()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        logger.exception("%s failed", member.name)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
