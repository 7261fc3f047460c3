"""Files that are sent as multipart/form-data: taken to disk as they come, and refused as soon as they are too long."""

import tempfile
from typing import IO, Any

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.formparser import FormDataParser

from infra import leftovers

MOST_FILE_BYTES = 10_000_000
# For the fields, the names and the lines between the parts.
MOST_OTHER_BYTES = 64 * 1024
MOST_UPLOAD_BYTES = MOST_FILE_BYTES + MOST_OTHER_BYTES
# The one route that takes them.
UPLOAD = "pictures.upload_image"
TOO_LARGE = f"A picture may have at most {MOST_FILE_BYTES:,} bytes."


class _Bounded:
    """A temporary file that takes so many bytes and no more."""

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix=leftovers.UPLOAD)  # noqa: SIM115
        self._room = MOST_FILE_BYTES

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise RequestEntityTooLarge(TOO_LARGE)
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _StrictParser(FormDataParser):
    """Raises on a malformed body, where Werkzeug's parser returns an empty form."""

    def parse(self, *arguments: Any, **options: Any) -> Any:
        self.silent = False
        self.stream_factory = _bounded
        try:
            return super().parse(*arguments, **options)
        except ValueError as error:
            raise BadRequest(f"The body is not well-formed multipart/form-data: {error}.") from error


def _bounded(*_: Any, **__: Any) -> IO[bytes]:
    return _Bounded()  # type: ignore[return-value]


def prepare() -> None:
    """Have the body of this request read with these limits. To be called before its form is looked at."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the picture as multipart/form-data, in the field 'file'.")
    request.form_data_parser_class = _StrictParser
