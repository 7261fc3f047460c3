"""nginx before the API: an embedded server like the others, with its own configuration under SINPLUMA_VAR.

Supervisor runs it as ``python -m deploy.nginx``, which writes the configuration (deploy/nginx.conf) and becomes nginx.
It listens on SINPLUMA_HOST and SINPLUMA_PORT, and speaks to the API over a Unix socket that nobody else can open: so
the API can trust the client address that nginx reports. docs/adr/0030 says why nginx is there."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from deploy.embedded.server import ServiceError, find
from infra.settings import CHECKOUT, Settings, SettingsError, load_settings

TEMPLATE = CHECKOUT / "deploy" / "nginx.conf"
CONNECTIONS = 8192
# Of one address; the tests open 400 slow ones and ask beside them. Whole offices share one.
PER_ADDRESS = 512
# Sizes of bodies. The API has the same limits, for installations without nginx.
MOST_BODY = "8m"
MOST_SIGN_IN = "16k"
# A picture and the lines around it: the API counts each for itself.
MOST_UPLOAD = "11m"
# Of the answers that nginx gives by itself.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
# What nginx would leave out when the API hands a picture over to it.
HANDED_OVER = (
    *HEADERS,
    "ETag",
    "Vary",
    "X-Request-ID",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Strict-Transport-Security",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
)


def socket_of(var: Path) -> Path:
    """Where the API listens for nginx."""
    return var / "nginx" / "api.sock"


class Nginx:
    name = "nginx"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # nginx works in here: its paths are relative, since that of a socket may have 107 bytes only.
        self.folder = settings.var / "nginx"
        program = find("nginx")
        if not program:
            raise ServiceError("nginx was not found; run `make run`, or set NGINX=0 and put a proxy of yours in front")
        self.program = program

    def prepare(self) -> None:
        """Write the configuration.

        Raises:
            ServiceError: nginx does not take it; with its reason.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = (f'add_header {name} "{value}" always;\n' for name, value in HEADERS.items())
        (self.folder / "headers.conf").write_text("".join(lines))
        said_again = (f"add_header {name} $upstream_http_{_variable(name)} always;\n" for name in HANDED_OVER)
        (self.folder / "handed_over.conf").write_text("".join(said_again))
        (self.folder / "nginx.conf").write_text(self._configuration())
        tried = subprocess.run([*self.command(), "-t", "-q"], cwd=self.folder, capture_output=True, text=True)
        if tried.returncode:
            raise ServiceError(f"nginx does not take its configuration:\n{tried.stderr}")

    def command(self) -> list[str]:
        return [self.program, "-p", ".", "-e", "stderr", "-c", "nginx.conf"]

    def _configuration(self) -> str:
        written = TEMPLATE.read_text()
        for name, value in self._values().items():
            written = written.replace(f"@{name}@", value)
        return written

    def _values(self) -> dict[str, str]:
        host, most_files = self.settings.host, _most_files()
        return {
            # Otherwise its workers would run as nobody and could not read root's folder.
            "user": "user root;" if os.geteuid() == 0 else "",
            "files": str(min(most_files, 4 * CONNECTIONS)),
            "connections": str(min(CONNECTIONS, most_files // 2)),
            "real_ip": _real_ip(self.settings.trusted_proxies),
            "per_address": str(PER_ADDRESS),
            "listen": f"[{host}]:{self.settings.port}" if ":" in host else f"{host}:{self.settings.port}",
            "bucket": self.settings.s3_bucket,
            "most_body": MOST_BODY,
            "most_sign_in": MOST_SIGN_IN,
            "most_upload": MOST_UPLOAD,
        }


def _variable(header: str) -> str:
    return header.lower().replace("-", "_")


def _most_files() -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 4 * CONNECTIONS if most == resource.RLIM_INFINITY else most


def _real_ip(trusted: tuple[str, ...]) -> str:
    """As in api/proxies.py: from the right, as long as the address that reported the next one is trusted."""
    if not trusted:
        return ""
    sources = " ".join(f"set_real_ip_from {each};" for each in trusted)
    return f"{sources} real_ip_header X-Forwarded-For; real_ip_recursive on;"


def main() -> None:
    """Become nginx, so that supervisor's signals reach it directly."""
    try:
        nginx = Nginx(load_settings())
        nginx.prepare()
    except (ServiceError, SettingsError) as error:
        sys.exit(f"nginx: {error}")
    os.chdir(nginx.folder)
    os.execv(nginx.program, nginx.command())


if __name__ == "__main__":
    main()
