"""What reads are measured against: one line of JSON, behind the same server with the same settings as the API."""

from typing import Any

from flask import Flask

from deploy import serve
from infra.settings import load_settings


def application(parent: int) -> Any:
    app = Flask("one line")
    app.add_url_rule("/", view_func=lambda: {"title": "one line"})
    return app


if __name__ == "__main__":
    serve._load = application
    serve.serve(load_settings())
