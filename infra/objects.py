"""The door to the object store: any server that speaks S3."""

from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException

from infra.settings import Settings

CONNECT_SECONDS, READ_SECONDS = 2, 15


def connect(settings: Settings, read_seconds: float = READ_SECONDS) -> Minio:
    """A client with short time limits; minio's own are five minutes and five tries. Not to be shared across a fork."""
    endpoint = urlsplit(settings.s3_endpoint)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        retries=urllib3.Retry(0),
        maxsize=settings.api_threads,
    )
    # A region spares the look-up that some stores answer with an error when the bucket is missing.
    return Minio(
        endpoint.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        secure=endpoint.scheme == "https",
        region=settings.s3_region,
        http_client=pool,
    )


def check(settings: Settings) -> None:
    """
    Raises:
        MinioException, urllib3.exceptions.HTTPError: the store is away, or refuses us.
        LookupError: it has no such bucket.
    """
    if not connect(settings, read_seconds=2).bucket_exists(settings.s3_bucket):
        raise LookupError("no such bucket")


def create_bucket(settings: Settings) -> None:
    """Make the bucket unless it is there. Two hosts may do this at once."""
    client = connect(settings)
    if not client.bucket_exists(settings.s3_bucket):
        try:
            client.make_bucket(settings.s3_bucket)
        except MinioException:
            if not client.bucket_exists(settings.s3_bucket):
                raise
