"""The services that credentials come from, on this machine: an instance's, a container's, and that of SSO.

Each asks for a token of its own before it gives any. Web identities are `sts.py`'s, programs `credential_program.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROLE = "copier"
ACCOUNT = "111122223333"
_INSTANCE = "/latest/meta-data/iam/security-credentials/"
_CONTAINER = "/container/credentials"
_SSO = "/federation/credentials"


@dataclass
class CredentialServices(ThreadingHTTPServer):
    """All three at one address. They give `key_id`, `secret` and `token`, to who shows `shown`; not while broken."""

    key_id: str
    secret: str
    token: str
    shown: str
    life_s: float = 3600.0
    is_broken: bool = False
    times_asked: int = 0

    daemon_threads = True

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of_instance(self) -> dict[str, str]:
        """What leads botocore to the instance's service."""
        return {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.endpoint}

    def of_container(self, folder: Path) -> dict[str, str]:
        """What leads it to the container's, as in ECS and EKS; the token lies in a file."""
        token_file = folder / "container-token"
        token_file.write_text(self.shown)
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.endpoint}{_CONTAINER}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token_file),
        }

    def of_sso(self, folder: Path, *, ends_in_s: float = 3600.0) -> dict[str, str]:
        """What leads it to the portal: a profile, and what `aws sso login` has left at home."""
        config = folder / "sso-config"
        config.write_text(
            f"[default]\nsso_session = corp\nsso_account_id = {ACCOUNT}\nsso_role_name = {ROLE}\n"
            "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example.com/start\n"
        )
        cache = folder / "home" / ".aws" / "sso" / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        until = (datetime.now(UTC) + timedelta(seconds=ends_in_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
        name = sha1(b"corp", usedforsecurity=False).hexdigest()
        said = {"accessToken": self.shown, "expiresAt": until, "region": "us-east-1"}
        (cache / f"{name}.json").write_text(json.dumps(said))
        return {"AWS_CONFIG_FILE": str(config), "HOME": str(folder / "home"), "AWS_ENDPOINT_URL_SSO": self.endpoint}


class _Handler(BaseHTTPRequestHandler):
    server: CredentialServices
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        is_asked_right = self.path == "/latest/api/token" and "x-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self._say(200 if is_asked_right else 404, self.server.shown)

    def do_GET(self) -> None:
        services = self.server
        path = self.path.partition("?")[0]
        header = {
            _CONTAINER: "authorization",
            _SSO: "x-amz-sso_bearer_token",
        }.get(path, "x-aws-ec2-metadata-token")
        if self.headers.get(header) != services.shown:
            self._say(401, json.dumps({"message": "who are you?"}))
        elif services.is_broken:
            self._say(403, json.dumps({"__type": "ForbiddenException", "message": "not today"}))
        elif path == _INSTANCE:
            self._say(200, ROLE)
        elif path in (f"{_INSTANCE}{ROLE}", _CONTAINER):
            services.times_asked += 1
            self._say(200, json.dumps(self._credentials()))
        elif path == _SSO:
            services.times_asked += 1
            self._say(200, json.dumps({"roleCredentials": self._of_role()}))
        else:
            self._say(404, "")

    def _credentials(self) -> Mapping[str, str]:
        services = self.server
        return {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": services.key_id,
            "SecretAccessKey": services.secret,
            "Token": services.token,
            "Expiration": (datetime.now(UTC) + timedelta(seconds=services.life_s)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _of_role(self) -> Mapping[str, object]:
        services = self.server
        until_ms = int((datetime.now(UTC) + timedelta(seconds=services.life_s)).timestamp() * 1000)
        return {
            "accessKeyId": services.key_id,
            "secretAccessKey": services.secret,
            "sessionToken": services.token,
            "expiration": until_ms,
        }

    def _say(self, status: int, text: str) -> None:
        content = text.encode()
        self.send_response_only(status)
        self.send_header("content-type", "application/json" if text.startswith("{") else "text/plain")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the standard error is the test's."""


@contextmanager
def credential_services(key_id: str, secret: str, token: str, *, shown: str) -> Iterator[CredentialServices]:
    """Run them in threads."""
    with CredentialServices(key_id, secret, token, shown) as services:
        thread = Thread(target=services.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield services
        finally:
            services.shutdown()
            thread.join()
