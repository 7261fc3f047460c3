"""Prints the OpenAPI document without a server behind it: `python -m deploy.document > web/openapi.json`."""

import json
import sys

from api import create_app
from infra.settings import load_settings

# No server is contacted to describe an application.
NOWHERE = {
    "DATABASE_URL": "mysql+pymysql://nobody:nothing@127.0.0.1:1/nowhere",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "S3_ENDPOINT": "http://127.0.0.1:1",
    "S3_ACCESS_KEY": "nobody",
    "S3_SECRET_KEY": "nothing",
    "JWT_SECRET_KEY": "signs nothing: no request is answered",
}


def main() -> None:
    app = create_app(load_settings(NOWHERE))
    with app.app_context():
        json.dump(app.spec, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
