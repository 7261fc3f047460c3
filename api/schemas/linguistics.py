"""What the linguistics service is asked and answers."""

from apiflask import Schema, fields
from marshmallow import validate

from api.schemas.fields import text

LONGEST_SENTENCE = 5000


class SentenceQuery(Schema):
    sent = text(1, LONGEST_SENTENCE, required=True, metadata={"description": "The sentence, in English."})


class Sentiment(Schema):
    """Of the embedded service; another one may say something else."""

    sentence = fields.String(metadata={"x-optional": True})
    label = fields.String(validate=validate.OneOf(["positive", "neutral", "negative"]), metadata={"x-optional": True})
    score = fields.Float(validate=validate.Range(-1, 1), metadata={"x-optional": True})
