"""Search in what the caller may see."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api import presenters
from api.auth import viewer
from api.http import answered, takes_query
from api.schemas import search as schemas
from api.services import reads
from domain.errors import WrongCredentials
from queries.search import search as find_pages

blueprint = APIBlueprint("search", __name__)


@blueprint.get("/search")
@takes_query(blueprint, schemas.SearchQuery)
@blueprint.output(schemas.HitList)
def search(query_data: dict[str, Any]) -> Response:
    """Find pages: what is published, and one's own drafts"""
    who = viewer()
    if query_data["scope"] == "mine" and who.user_id is None:
        raise WrongCredentials("Sign in to search in your drafts.")
    return answered(find_pages(reads(), who, query_data, presenters.HIT))
