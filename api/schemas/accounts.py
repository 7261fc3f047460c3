"""Users, profiles and tokens."""

from apiflask import Schema, fields
from marshmallow import validate

from api.schemas.fields import UtcTime, text


class Registration(Schema):
    username = fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Za-z0-9_-]{3,32}\Z", error="Use 3 to 32 letters, digits, '_' or '-'."),
    )
    email = fields.Email(required=True, validate=validate.Length(3, 254))
    password = text(10, 128, required=True, metadata={"format": "password"})


class Registered(Schema):
    id = fields.String()
    username = fields.String()
    email = fields.String()


class Credentials(Schema):
    email = text(1, 254, required=True)
    password = text(1, 128, required=True, metadata={"format": "password"})


class Profile(Schema):
    """``email`` and ``role`` are there for the owner and administrators only."""

    id = fields.String()
    username = fields.String()
    display_name = fields.String()
    bio = fields.String()
    avatar_url = fields.String(allow_none=True)
    created_at = UtcTime()
    email = fields.String()
    role = fields.String()


class Tokens(Schema):
    access_token = fields.String()
    refresh_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer()
    user = fields.Nested(Profile)
