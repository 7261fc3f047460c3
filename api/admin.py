"""For administrators: the accounts, and the deliveries that reactions could not handle."""

import logging
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api import presenters, replies
from api.auth import actor, require_admin
from api.door import carry_out
from api.http import answered, takes_query
from api.schemas import admin as schemas
from api.services import reads
from domain import directory
from domain.commands import accounts
from domain.errors import NotFound
from domain.unit_of_work import UnitOfWork
from events import parked
from queries.answer import listing

logger = logging.getLogger(__name__)
blueprint = APIBlueprint("admin", __name__)


@blueprint.before_request
def _admit() -> None:
    require_admin(actor())


@blueprint.get("/admin/users")
@takes_query(blueprint, schemas.UserQuery)
@blueprint.output(schemas.UserList)
@blueprint.doc(responses=[403])
def list_users(query_data: dict[str, Any]) -> Response:
    """Everyone who has an account, newest first"""
    page, per_page = query_data["page"], query_data["per_page"]
    found, total = reads().current.ask(directory.listed, query_data["q"], page, per_page)
    return answered(listing([presenters.managed_user(each) for each in found], total, page, per_page, is_public=False))


@blueprint.put("/admin/users/<user_id>")
@blueprint.input(schemas.UserChanges)
@blueprint.output(schemas.ManagedUser)
@blueprint.doc(responses=[403, 404, 409])
def change_user(user_id: str, json_data: dict[str, Any]) -> Response:
    """Change someone's role, or whether they may sign in; disabled, they are signed out everywhere at once"""
    command = accounts.ChangeUser(user_id, **json_data)
    answer = carry_out(accounts.change_user, command, replies.managed_user)
    # Roles are not in the event log, so this line is their only record.
    logger.info("an administrator changed a user", extra={"by": actor().user_id, "user": user_id, **json_data})
    reads().current.wait_out()
    return answer


@blueprint.get("/admin/deliveries")
@takes_query(blueprint, schemas.DeliveryQuery)
@blueprint.output(schemas.DeliveryList)
@blueprint.doc(responses=[403])
def list_deliveries(query_data: dict[str, Any]) -> Response:
    """What reactions still owe: given up after too many tries (parked), or waiting (pending)"""
    page, per_page = query_data["page"], query_data["per_page"]
    found, total = reads().current.ask(parked.listed, query_data["state"], page, per_page)
    return answered(listing([presenters.delivery(each) for each in found], total, page, per_page, is_public=False))


@blueprint.post("/admin/deliveries/<word:delivery_id>/retry")
@blueprint.output(schemas.Delivery)
@blueprint.doc(responses=[403, 404])
def retry_delivery(delivery_id: str) -> Response:
    """Send a delivery again, as if it had never been tried"""
    return carry_out(_retried, delivery_id, replies.delivery)


def _retried(delivery_id: str, uow: UnitOfWork) -> parked.Delivery:
    reaction, _, event_id = delivery_id.partition(presenters.POINT)
    row = parked.retry(uow.connection, reaction, event_id)
    if row is None:
        raise NotFound("There is no such delivery; it may be done by now.")
    return row
