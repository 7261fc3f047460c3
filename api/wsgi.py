"""What the HTTP server loads."""

from api import create_app
from infra import logs
from infra.settings import load_settings

settings = load_settings()
logs.configure(settings, "api")
app = create_app(settings)
