"""From a request to its reply: access, routing, faults, records."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fakes.s3server.context import Context
from fakes.s3server.documents import error_response
from fakes.s3server.errors import S3Error
from fakes.s3server.faults import Fault
from fakes.s3server.messages import Final, Later, Reply, Request, Response, follow
from fakes.s3server.policies import Policy, check_policy
from fakes.s3server.principals import check_principal
from fakes.s3server.quirks import check_quirks
from fakes.s3server.records import Records
from fakes.s3server.routes import HANDLERS, check_key, operation_of
from fakes.s3server.spoiling import spoil

UNROUTED = "Unrouted"
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)")
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Service:
    context: Context
    records: Records = field(default_factory=Records)

    def answer(self, request: Request) -> Reply:
        """The reply to one request. Everything that it changes is changed before this returns, or in a Later."""
        aliases = self.context.settings.aliases
        if request.bucket in aliases:
            request = replace(request, bucket=aliases[request.bucket])
        if self.context.settings.ignores_customer_keys:
            kept = {name: value for name, value in request.headers.items() if "encryption-customer" not in name}
            request = replace(request, headers=kept)
        try:
            operation = operation_of(request)
        except S3Error as error:
            operation = UNROUTED
            reply: Reply = self._refuse(error, request)
        else:
            self.records.note_request(operation)
            fault = self.context.faults.take(operation=operation, bucket=request.bucket, key=_fault_key(request))
            reply = self._perform(operation, request) if fault is None else self._spoil(fault, operation, request)
        if self.context.settings.latency_s:
            ready = reply
            reply = Later(self.context.settings.latency_s, lambda: ready)

        def note(final: Final) -> Final:
            self.records.note_answer(operation, request, final)
            return final

        return follow(reply, note)

    def _spoil(self, fault: Fault, operation: str, request: Request) -> Reply:
        def refuse(error: S3Error, /, *, status: int | None = None) -> Response:
            return self._refuse(error, request, status=status)

        return spoil(fault, perform=lambda: self._perform(operation, request, fault=fault), refuse=refuse)

    def _perform(self, operation: str, request: Request, *, fault: Fault | None = None) -> Reply:
        def run() -> Reply:
            key_id = self._check_access(request)
            check_principal(operation, request, self.context.settings)
            check_key(request)
            self.context.policy = self._policy_of(key_id)
            check_policy(operation, request, self.context.policy, self.context.store.buckets)
            check_quirks(operation, request, self.context.settings)
            self.context.fault = fault
            return HANDLERS[operation](self.context, request)

        return self._guarded(run, request)

    def _guarded(self, run: Callable[[], Reply], request: Request) -> Reply:
        """Errors become answers, also those of a reply that comes later."""
        try:
            reply = run()
        except S3Error as error:
            return self._refuse(error, request)
        except Exception:
            _logger.exception("%s /%s/%s", request.method, request.bucket, request.key)
            return self._refuse(S3Error("InternalError"), request)
        if isinstance(reply, Later):
            return Later(reply.pause_s, lambda: self._guarded(reply.proceed, request))
        return reply

    def _policy_of(self, key_id: str) -> Policy | None:
        document = self.context.settings.policies.get(key_id)
        return None if document is None else Policy(document["Statement"])

    def _check_access(self, request: Request) -> str:
        settings = self.context.settings
        found = _CREDENTIAL.search(request.headers.get("authorization", ""))
        key_id = found[1] if found else request.query.get("X-Amz-Credential", "").partition("/")[0]
        if not key_id and not settings.anonymous:
            raise S3Error("AccessDenied")
        if key_id and settings.credential not in {None, key_id}:
            raise S3Error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        owner = settings.owner_of(request.bucket)
        if (
            request.headers.get("x-amz-expected-bucket-owner", owner) != owner
            and not settings.ignores_owners
            and request.bucket in self.context.store.buckets
        ):
            raise S3Error("AccessDenied")
        return str(key_id)

    def _refuse(self, error: S3Error, request: Request, *, status: int | None = None) -> Response:
        request_id = f"{self.context.store.next_serial():016X}"
        resource = f"/{request.bucket}/{request.key}" if request.key else f"/{request.bucket}"
        response = error_response(error, request_id=request_id, resource=resource, status=status)
        return replace(response, headers={**response.headers, "x-amz-request-id": request_id})


def _fault_key(request: Request) -> str:
    return request.key or request.query.get("prefix", "")
