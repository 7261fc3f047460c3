"""Which reactions have a process that takes by itself what falls due: the relay sends them no job meanwhile.

A hint in Redis, as a job is. One that is lost costs a job more, one that a killed process leaves behind HOLD_SECONDS.
"""

from collections.abc import Collection

from redis import Redis

HOLD_SECONDS = 2


def hold(redis: Redis, reaction: str) -> None:
    """Tell the relay, for HOLD_SECONDS from now."""
    redis.set(_key(reaction), "1", ex=HOLD_SECONDS)


def release(redis: Redis, reaction: str) -> None:
    redis.delete(_key(reaction))


def held(redis: Redis, reactions: Collection[str]) -> set[str]:
    """Those of ``reactions`` that are held."""
    if not reactions:
        return set()
    found = redis.mget([_key(each) for each in reactions])
    return {reaction for reaction, is_held in zip(reactions, found, strict=True) if is_held}


def _key(reaction: str) -> str:
    return f"sinpluma:held:{reaction}"
