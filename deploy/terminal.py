"""What people see on their terminal while the service comes up and goes down."""

from infra.settings import CHECKOUT, SECRETS_FILE, Settings, explicit_environment


def say(line: str) -> None:
    print(f"sinpluma: {line}", flush=True)


def tell_where(settings: Settings, base: str) -> None:
    """The addresses of a service that is ready, under ``base``."""
    say("ready")
    served = settings.web and (CHECKOUT / "web" / "dist" / "index.html").is_file()
    given = explicit_environment().get("SUPERVISOR_PASSWORD", "").strip()
    password = (
        "the SUPERVISOR_PASSWORD that you gave" if given else f"SUPERVISOR_PASSWORD in {settings.var / SECRETS_FILE}"
    )
    for line in (
        *([f"  the desk    {base}/    (open it in a browser)"] if served else []),
        f"  API         {base}/api/v1",
        f"  its docs    {base}/docs",
        f"  queues      {base}/internal/rq    (for admins: run.py create-admin EMAIL)",
        f"  supervisor  http://127.0.0.1:{settings.supervisor_port}    (user admin, {password})",
        f"  logs        {settings.var / 'log'}",
        "Ctrl-C stops it.",
    ):
        print(line, flush=True)
