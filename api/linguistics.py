"""The linguistics service, asked on the caller's behalf."""

import logging
from typing import Any

from apiflask import APIBlueprint, abort
from flask import Response

from api.http import PRIVATE, conditional, takes_query
from api.openapi_rules import refusals
from api.schemas import linguistics as schemas
from api.services import services
from infra.linguistics import Unanswered
from queries.answer import etag_of

logger = logging.getLogger(__name__)
blueprint = APIBlueprint("linguistics", __name__)


@blueprint.get("/lin/sentiment")
@takes_query(blueprint, schemas.SentenceQuery)
@blueprint.output(schemas.Sentiment)
@blueprint.doc(responses=refusals(502, 504))
def sentiment(query_data: dict[str, Any]) -> Response:
    """Whether a sentence is in a good mood, says the linguistics service"""
    try:
        body = services().linguistics.sentiment(query_data["sent"])
    except TimeoutError:
        abort(504, "The linguistics service takes too long; try again later.")
    except Unanswered as error:
        logger.warning("the linguistics service did not answer: %s", error)
        abort(502, "The linguistics service does not answer; try again later.")
    return conditional(body, etag_of(body), PRIVATE)
