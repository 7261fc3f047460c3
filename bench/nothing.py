"""A job that does nothing. A module of its own, since a worker's child imports it for each job."""


def nothing() -> None:
    pass
