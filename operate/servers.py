"""The servers that an operator's command needs: those of the running service, else started for as long as it takes."""

import contextlib
from collections.abc import Iterator

from deploy.embedded import SERVERS, EmbeddedServices
from deploy.instance import AlreadyRunning
from infra.settings import Settings, explicit_environment, load_settings, var_folder

SETTING_OF = {"database": "DATABASE_URL", "redis": "REDIS_URL", "objects": "S3_ENDPOINT"}


class ServiceRuns(Exception):
    """What is asked for can't be done beside a running service."""


def embedded_servers() -> list[str]:
    """Those that no setting replaces."""
    given = explicit_environment()
    return [name for name in SERVERS if not given.get(SETTING_OF[name], "").strip()]


@contextlib.contextmanager
def running(alone: bool) -> Iterator[Settings]:
    """Settings whose servers answer. With ``alone`` the service itself must not run on this machine.

    Raises:
        ServiceRuns: it does.
        SettingsError, ServiceError
    """
    services = EmbeddedServices(var_folder(explicit_environment()), embedded_servers())
    try:
        services.start()
    except AlreadyRunning as error:
        if alone:
            raise ServiceRuns(f"the service is {error}; stop it first (Ctrl-C in `make run`)") from None
        yield load_settings()
        return
    try:
        yield load_settings()
    finally:
        services.stop()
