"""What the OpenAPI document says of errors, headers and parameters, wherever they occur."""

from typing import Any

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "integer"}

ERRORS = {
    "400": ("MalformedJson", "The body is not JSON, or names a field twice."),
    "401": ("NotSignedIn", "No token where one is needed, or one that is forged, expired or revoked."),
    "403": ("NotAllowed", "Known, but not yours."),
    "404": ("NotFound", "Absent, in the trash, or private to someone else."),
    "409": ("Conflict", "The state does not allow it now, a value is taken, or the first request with this "
                        "Idempotency-Key is still in progress."),
    "412": ("Stale", "The If-Match header names a version that is not the current one."),
    "413": ("TooLarge", "The body is larger than the route takes."),
    "415": ("WrongMediaType", "The body is of another media type than the route takes."),
    "416": ("NoSuchPart", "The Range header asks for a part that is not there."),
    "422": ("Invalid", "Well-formed, with values that are not allowed: `errors` names them."),
    "429": ("TooMany", "Too many requests; wait for the seconds of Retry-After."),
    "502": ("BadGateway", "A service behind this one failed."),
    "503": ("Unavailable", "A part of the service is away; nothing was changed. Try again after Retry-After seconds."),
    "504": ("GatewayTimeout", "A service behind this one is late."),
}  # fmt: skip

HEADERS: Json = {
    "ETag": ("The state that was read or written, for If-None-Match and If-Match.", _TEXT),
    "Location": ("Where the new resource is.", {"type": "string", "format": "uri-reference"}),
    "Link": ("RFC 8288 links to the `first`, `prev`, `next` and `last` page of the list.", _TEXT),
    "X-Request-ID": ("The id of this request, in every log line about it.", _TEXT),
    "Retry-After": ("Seconds to wait.", _NUMBER),
    "WWW-Authenticate": ("How to sign in.", _TEXT),
    "Idempotency-Replayed": ("`true` when this is the stored answer to an earlier request.", _TEXT),
    "X-RateLimit-Limit": ("Requests allowed in the window.", _NUMBER),
    "X-RateLimit-Remaining": ("Requests left in the window.", _NUMBER),
    "X-RateLimit-Reset": ("When the window ends, in UTC epoch seconds.", _NUMBER),
}
PARAMETERS: Json = {
    "Idempotency-Key": (
        "The same key and body do it once, and get the same answer.",
        {"minLength": 1, "maxLength": 255},
    ),
    "If-Match": ("Only if this is still the current ETag; else 412.", {}),
    "If-None-Match": ("304 when this is still the current ETag.", {}),
    "X-Request-ID": ("Kept as the id of this request when it is 1 to 64 letters, digits, `.`, `_` and `-`.", {}),
}
