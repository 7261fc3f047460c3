"""What administrators see and change."""

from apiflask import Schema, fields
from marshmallow import validate

from api.schemas.accounts import Profile
from api.schemas.fields import Flag, ListQuery, UtcTime, list_of
from domain.user import ADMIN, USER


class UserQuery(ListQuery):
    q = fields.String(
        load_default="",
        validate=validate.Length(max=254),
        metadata={"description": "Only users whose username or e-mail holds this."},
    )


class UserChanges(Schema):
    role = fields.String(validate=validate.OneOf([USER, ADMIN]), metadata={"example": USER})
    disabled = Flag(metadata={"example": True})


class ManagedUser(Profile):
    disabled = fields.Boolean()


class DeliveryQuery(ListQuery):
    state = fields.String(load_default="parked", validate=validate.OneOf(["parked", "pending"]))


class Delivery(Schema):
    """What one reaction owes one event."""

    id = fields.String()
    reaction = fields.String()
    state = fields.String(validate=validate.OneOf(["parked", "pending"]))
    attempts = fields.Integer()
    error = fields.String(allow_none=True)
    due_at = UtcTime()
    event_id = fields.String()
    event_type = fields.String()
    aggregate_id = fields.String()
    version = fields.Integer()
    occurred_at = UtcTime()


UserList = list_of(ManagedUser)
DeliveryList = list_of(Delivery)
