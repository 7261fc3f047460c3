"""What the HTTP server loads."""

from api import create_app
from infra import logs, metrics
from infra.settings import load_settings

settings = load_settings()
logs.configure(settings, "api")
metrics.shared.begin(settings.var / metrics.METRICS)
app = create_app(settings)
