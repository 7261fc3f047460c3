"""Clients of the object store, with short time limits: minio's own are five minutes and five tries."""

from urllib.parse import urlsplit

import urllib3
from minio import Minio

from infra.proxies import pool_for
from infra.settings import Settings

CONNECT_SECONDS, READ_SECONDS = 2, 15


def connect(settings: Settings, read_seconds: float = READ_SECONDS) -> Minio:
    """A client; not to be shared across a fork."""
    return _client(settings, settings.s3_endpoint, read_seconds)


def signer(settings: Settings) -> Minio | None:
    """A client that only signs: with a region it asks nobody anything."""
    return _client(settings, settings.s3_public_endpoint, READ_SECONDS) if settings.s3_public_endpoint else None


def _client(settings: Settings, url: str, read_seconds: float) -> Minio:
    endpoint = urlsplit(url)
    # A region spares the look-up that some stores answer with an error when the bucket is missing.
    return Minio(
        endpoint.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        secure=endpoint.scheme == "https",
        region=settings.s3_region,
        http_client=pool(settings, read_seconds),
    )


def pool(settings: Settings, read_seconds: float) -> urllib3.PoolManager:
    return pool_for(
        settings.s3_endpoint,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        retries=urllib3.Retry(0),
        maxsize=settings.api_threads,
    )
