"""Users, profiles and tokens."""

import re
import unicodedata

from apiflask import Schema, fields
from marshmallow import ValidationError, validate

from api.schemas.fields import Flag, UtcTime, is_id, text
from domain.passwords import FEWEST, MOST, is_common
from domain.user import fold

LONGEST_EMAIL = 254
# Names that would seem to speak for the service.
RESERVED = frozenset({"admin", "root", "system", "support", "sinpluma", "moderator"})
# With line and paragraph separators; a joiner is none of these: it makes emoji.
_control_or_direction = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]").search
_word = re.compile(r"[A-Za-z0-9_-]*").fullmatch
# A quoted local part may hold anything, control characters included; nobody's address needs one.
_plain_email = re.compile(r'[^"\s\x00-\x1f\x7f]+').fullmatch


def _letters_digits(value: str) -> None:
    if not _word(value):
        raise ValidationError("Use letters, digits, '_' and '-'.")


def _storable(value: str) -> None:
    if not _plain_email(value) or len(fold(value)) > LONGEST_EMAIL:
        raise ValidationError("Not a valid email address.")


def _as_it_is(value: str) -> None:
    """No blanks are stripped: each spelling of one account would get its own count of sign-in attempts."""
    if value != value.strip() or not unicodedata.is_normalized("NFC", value):
        raise ValidationError("Leave out white space around it, and write letters with marks as one (NFC).")


def _unreserved(value: str) -> None:
    if value.lower() in RESERVED:
        raise ValidationError("This username is reserved; choose another.")


def _undirected(value: str) -> None:
    if _control_or_direction(value):
        raise ValidationError("Leave out control characters and those that change the direction of writing.")


def _uncommon(value: str) -> None:
    if is_common(value):
        raise ValidationError("This password is among those that everyone tries first; choose another.")


def new_password() -> fields.String:
    return fields.String(
        required=True,
        validate=[validate.Length(FEWEST, MOST), _uncommon],
        metadata={"format": "password", "example": "herons like grey mornings"},
    )


def _known_password() -> fields.String:
    return text(1, MOST, required=True, metadata={"format": "password", "example": "herons like rain"})


class Registration(Schema):
    username = fields.String(
        required=True,
        validate=[validate.Length(3, 32), _letters_digits, _unreserved],
        metadata={"pattern": "^[A-Za-z0-9_-]+$", "example": "ada"},
    )
    email = fields.Email(
        required=True,
        validate=[validate.Length(3, LONGEST_EMAIL), _storable, _as_it_is],
        metadata={"example": "ada@example.org"},
    )
    password = new_password()


class Registered(Schema):
    id = fields.String()
    username = fields.String()
    email = fields.String()


class Credentials(Schema):
    email = fields.String(
        required=True, validate=[validate.Length(1, LONGEST_EMAIL), _as_it_is], metadata={"example": "ada@example.org"}
    )
    password = _known_password()
    cookie = Flag(
        load_default=False,
        metadata={"description": "A browser's session: the refresh token as a cookie alone.", "example": False},
    )


class PasswordChange(Schema):
    current_password = _known_password()
    new_password = new_password()


class ProfileChanges(Schema):
    display_name = fields.String(
        validate=[validate.Length(1, 100), _undirected], metadata={"example": "Ada of the River"}
    )
    bio = text(0, 2000, metadata={"example": "Writes about birds."})
    avatar_image_id = fields.String(allow_none=True, validate=[validate.Length(1, 64), is_id])


class Profile(Schema):
    """``email`` and ``role`` are there for the owner and administrators only."""

    id = fields.String()
    username = fields.String()
    display_name = fields.String()
    bio = fields.String()
    avatar_url = fields.String(allow_none=True)
    created_at = UtcTime()
    email = fields.String(metadata={"x-optional": True})
    role = fields.String(metadata={"x-optional": True})


class Usage(Schema):
    """What one has of what there are quotas for."""

    notebooks = fields.Integer(metadata={"description": "Those in the trash included."})
    text_bytes = fields.Integer(
        metadata={
            "description": "Drafts, published texts and revisions. What is deleted may count for some minutes more."
        }
    )
    picture_bytes = fields.Integer()


class OwnProfile(Profile):
    usage = fields.Nested(Usage)


class TokenPair(Schema):
    access_token = fields.String()
    refresh_token = fields.String(
        metadata={"x-optional": True, "description": "Not there where it is sent as a cookie."}
    )
    token_type = fields.String()
    expires_in = fields.Integer()


class SignedIn(TokenPair):
    user = fields.Nested(Profile)
