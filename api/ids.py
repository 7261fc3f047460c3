"""What may stand for an id in a path."""

from apiflask import APIFlask
from werkzeug.routing import BaseConverter


class IdConverter(BaseConverter):
    """32 lower-case hexadecimal digits. Anything else is no route and so 404, and reaches neither a query, whose CHAR
    columns ignore blanks behind an id, nor a cache, in which each spelling would be another entry."""

    regex = "[0-9a-f]{32}"


class WordConverter(BaseConverter):
    """Printable ASCII: what may be looked up in an ASCII column, which MySQL refuses to compare with other letters."""

    regex = r"[ -.0-~]+"


def register(app: APIFlask) -> None:
    """Call it before any route is added. What is not an id says so: ``<word:size>``."""
    app.url_map.converters["default"] = IdConverter
    app.url_map.converters["word"] = WordConverter
