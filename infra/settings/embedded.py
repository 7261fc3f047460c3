"""How the embedded services are reached, from their generated secrets and ports."""

from collections.abc import Mapping
from urllib.parse import quote


def embedded_database_url(private: Mapping[str, str]) -> str:
    return (
        f"mysql+pymysql://sinpluma:{quote(private['DATABASE_PASSWORD'], safe='')}"
        f"@127.0.0.1:{private['DATABASE_PORT']}/sinpluma?charset=utf8mb4"
    )


def embedded_redis_url(private: Mapping[str, str]) -> str:
    return f"redis://:{quote(private['REDIS_PASSWORD'], safe='')}@127.0.0.1:{private['REDIS_PORT']}/0"


def embedded_s3_endpoint(private: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{private['S3_PORT']}"


def embedded_linguistics_url(port: int | None) -> str | None:
    return f"http://127.0.0.1:{port}" if port else None
