"""AWS's token service on this machine: roles with external ids, web identities, and who somebody is.

Signatures are checked, with botocore's own signer. See https://docs.aws.amazon.com/STS/latest/APIReference/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock, Thread
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from fakes.signatures import is_signed_with, key_id_of

_ACCOUNT = re.compile(r"arn:aws:iam::([0-9]{12}):role/(.+)")


@dataclass(frozen=True, slots=True)
class Issued:
    """Temporary credentials that the service has given, and for which role."""

    key_id: str
    secret: str
    token: str
    role: str

    @property
    def account(self) -> str:
        found = _ACCOUNT.fullmatch(self.role)
        assert found is not None, self.role
        return found[1]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and who signed it; nobody for what needs no signature."""

    action: str
    key_id: str | None
    parameters: Mapping[str, str]
    code: str


@dataclass
class TokenService(ThreadingHTTPServer):
    """See the module. `users` are secrets by key id, `accounts` whose they are; all roles may be assumed.

    `external_id`: without it none may. `web_token`: what a web identity shows. `is_broken`: it answers 500.
    """

    users: Mapping[str, str]
    external_id: str | None = None
    web_token: str | None = None
    life_s: float = 3600.0
    accounts: Mapping[str, str] = field(default_factory=dict)
    canary: str = ""
    is_broken: bool = False
    on_issue: Callable[[Issued], None] = lambda _: None
    issued: list[Issued] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    daemon_threads = True

    def __post_init__(self) -> None:
        self.lock = Lock()
        self.numbers = count(1)
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def secret_of(self, key_id: str) -> str | None:
        issued = {each.key_id: each.secret for each in self.issued}
        return self.users.get(key_id) or issued.get(key_id)

    def answer(self, action: str, key_id: str | None, said: Mapping[str, str]) -> tuple[int, str, str]:
        """Return status, code and the inside of the answer."""
        if self.is_broken:
            return 500, "InternalFailure", ""
        if action == "GetCallerIdentity":
            return 200, "", self._identity(key_id or "")
        if action == "AssumeRole":
            if self.external_id is not None and said.get("ExternalId") != self.external_id:
                return 403, "AccessDenied", ""
            return 200, "", self._issue(said["RoleArn"])
        if action == "AssumeRoleWithWebIdentity":
            if said.get("WebIdentityToken") != self.web_token:
                return 400, "InvalidIdentityToken", ""
            return 200, "", self._issue(said["RoleArn"])
        return 400, "InvalidAction", ""

    def _identity(self, key_id: str) -> str:
        role = next((each for each in self.issued if each.key_id == key_id), None)
        account = self.accounts.get(key_id, "111122223333") if role is None else role.account
        return f"<Arn>arn:aws:iam::{account}:user/somebody</Arn><UserId>AIDA</UserId><Account>{account}</Account>"

    def _issue(self, role: str) -> str:
        number = next(self.numbers)
        issued = Issued(
            f"ASIAROLE{number}", f"{self.canary}secret-of-role-{number}", f"{self.canary}token-{number}", role
        )
        self.issued.append(issued)
        self.on_issue(issued)
        until = (datetime.now(UTC) + timedelta(seconds=self.life_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
        account, name = issued.account, role.rpartition("/")[2]
        return (
            f"<Credentials><AccessKeyId>{issued.key_id}</AccessKeyId><SecretAccessKey>{escape(issued.secret)}"
            f"</SecretAccessKey><SessionToken>{escape(issued.token)}</SessionToken><Expiration>{until}</Expiration>"
            f"</Credentials><AssumedRoleUser><Arn>arn:aws:sts::{account}:assumed-role/{name}/s3plan</Arn>"
            "<AssumedRoleId>AROA:s3plan</AssumedRoleId></AssumedRoleUser>"
        )


class _Handler(BaseHTTPRequestHandler):
    server: TokenService
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        service = self.server
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = dict(parse_qsl(body.decode()))
        action, key_id = said.get("Action", ""), key_id_of(headers)
        with service.lock:
            secret = None if key_id is None else service.secret_of(key_id)
            if action == "AssumeRoleWithWebIdentity":
                status, code, inside = service.answer(action, None, said)
            elif secret is None:
                status, code, inside = 403, "InvalidClientTokenId", ""
            elif not is_signed_with(secret, method="POST", path=self.path, query={}, headers=headers, body=body):
                status, code, inside = 403, "SignatureDoesNotMatch", ""
            else:
                status, code, inside = service.answer(action, key_id, said)
            service.calls.append(Call(action, key_id, said, code))
        namespace = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
        if code:
            words = f"{key_id} is not authorized to perform: sts:{action} on resource: {said.get('RoleArn')}"
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(words)}</Message></Error>"
            document = f"<ErrorResponse {namespace}>{error}<RequestId>1</RequestId></ErrorResponse>"
        else:
            result = f"<{action}Result>{inside}</{action}Result>"
            document = f"<{action}Response {namespace}>{result}</{action}Response>"
        content = document.encode()
        self.send_response_only(status)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the standard error is the test's."""


@contextmanager
def sts(
    users: Mapping[str, str],
    *,
    external_id: str | None = None,
    web_token: str | None = None,
    life_s: float = 3600.0,
    accounts: Mapping[str, str] | None = None,
    canary: str = "",
) -> Iterator[TokenService]:
    """Run it in threads."""
    service = TokenService(users, external_id, web_token, life_s, accounts or {}, canary)
    with service:
        thread = Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()
