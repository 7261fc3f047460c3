"""The programs of supervisord.conf, with a worker for each reaction in place of the one that stands for them there."""

import configparser
import re

from events.subscriptions import REACTIONS
from infra.settings import CHECKOUT

_WORKER = re.compile(r"\[program:worker-QUEUE\].*?\n(?=\n|\Z)", re.DOTALL)


def configuration() -> str:
    """What supervisord reads."""
    return _WORKER.sub(_workers, (CHECKOUT / "supervisord.conf").read_text())


def _workers(template: re.Match[str]) -> str:
    return "\n".join(template[0].replace("QUEUE", reaction) for reaction in REACTIONS)


def programs() -> list[str]:
    """Their names, in the order of the file."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    parser.read_string(configuration())
    return [section.removeprefix("program:") for section in parser.sections() if section.startswith("program:")]
