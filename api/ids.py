"""What may stand for an id in a path."""

from apiflask import APIFlask
from werkzeug.routing import BaseConverter


class IdConverter(BaseConverter):
    """Printable ASCII. Ids lie in ASCII columns, which MySQL refuses to compare with other letters; none has them."""

    regex = r"[ -.0-~]+"


def register(app: APIFlask) -> None:
    """Call it before any route is added."""
    app.url_map.converters["default"] = IdConverter
