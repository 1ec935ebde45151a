"""A botocore S3 client that does exactly what it is told: one attempt, no redirects, no decoding of its own."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from s3plan.schemas.endpoints import EndpointInvalid, parse_endpoint
from s3plan.schemas.manifest.words import AddressingStyle
from s3plan.schemas.redaction import redact
from s3plan.storage.s3.botocore.bounded_answers import bound_answers
from s3plan.storage.s3.botocore.replies import LIST_BODY
from s3plan.storage.s3.connections.credentials_in_use import frozen_credentials
from s3plan.storage.s3.connections.sessions import ConnectionSettings, effective_endpoint, effective_region
from s3plan.storage.s3.connections.tls import named_bundle
from s3plan.storage.s3.store_quirks import sends_other_bytes, store_at
from s3plan.storage.s3.wire.repeated_keys import leave_key_out
from s3plan.storage.s3.wire.user_agent import user_agent
from s3plan.storage.s3.wire.xml_text import document_of

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 120.0  # other stores than AWS answer a copy of several GiB with its first byte only when it is done
_PAGE_MARK = b"<ListBucketResult"
_HEAD_BYTES = 200
_EXPIRES = "s3plan_expires"
# Replies that repeat the key asked for; see repeated_keys.py.
_REPEAT_THE_KEY = (
    "CopyObject",
    "CreateMultipartUpload",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "DeleteObject",
    "PutObject",
)


READS_OF_OBJECTS = ("GetObject", "HeadObject")
"""Operations whose answer is about bytes that some stores send decompressed."""


def open_client(settings: ConnectionSettings, session: Any, *, max_connections: int, read_timeout_s: float) -> Any:
    """Return a client on a session of its own; raise EndpointInvalid, S3PlanError."""
    import urllib3
    from botocore.exceptions import InvalidRegionError
    from urllib3.exceptions import InsecureRequestWarning

    endpoint = effective_endpoint(settings, session)
    _check_hosts(settings, endpoint)
    # Times stay text: botocore's parser spends 30 ms of a page of 1,000 keys on them.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_as_it_is)
    try:
        client = session.create_client(
            "s3",
            endpoint_url=endpoint,
            region_name=effective_region(settings, session),
            verify=_verification(settings, session, endpoint),
            config=_config(
                settings,
                endpoint,
                style=_addressing_style(settings, session, endpoint),
                max_connections=max_connections,
                read_timeout_s=read_timeout_s,
            ),
        )
    except (InvalidRegionError, ValueError) as error:  # botocore would make a part of a host name of the region
        said = redact(str(error))
        raise EndpointInvalid(f"{settings}: it leads nowhere ({said}); check its region and its endpoint") from None
    if not settings.tls_verify:
        urllib3.disable_warnings(InsecureRequestWarning)  # the user has said so; once is enough
    bound_answers(client)
    events = client.meta.events
    credentials = session.get_credentials()
    if credentials is not None:
        of_the_moment = frozen_credentials(credentials)
        events.register("before-sign.s3", lambda **_: of_the_moment())
    events.register("before-call.s3", _refuse_redirects)
    events.register("before-parse.s3.ListObjectsV2", _keep_list_body)
    events.register("before-parse.*.*", _strip_document)
    for operation in _REPEAT_THE_KEY:  # `*` comes before `s3`, where botocore takes a 200 that it cannot read for a 500
        events.register(f"before-parse.*.{operation}", _leave_key_out)
    for operation in ("CreateMultipartUpload", "PutObject"):
        events.register(f"before-parameter-build.s3.{operation}", _take_expires)
        events.register(f"before-call.s3.{operation}", _send_expires)
    if sends_other_bytes(store_at(endpoint, named=settings.store)):
        for operation in READS_OF_OBJECTS:
            events.register(f"before-send.s3.{operation}", _accept_gzip)
    return client


def _accept_gzip(request: Any, **_: object) -> None:
    """Have the bytes sent as they are stored; after signing, since GCS changes this header on the way."""
    request.headers["Accept-Encoding"] = "gzip"


def _check_hosts(settings: ConnectionSettings, endpoint: str | None) -> None:
    """Raise EndpointInvalid where hosts of AWS are asked for that another store has not."""
    asked = [name for name in ("accelerate", "dualstack") if getattr(settings, name)]
    if asked and endpoint is not None:
        raise EndpointInvalid(
            f"{settings}: {asked[0]}: true is about AWS's own hosts, and requests go to {endpoint}; "
            "remove one of the two"
        )


def _addressing_style(settings: ConnectionSettings, session: Any, endpoint: str | None) -> str:
    """Return the connection's style; `auto` is that of the AWS configuration, else `path` for other stores."""
    if settings.addressing_style is not AddressingStyle.AUTO:
        return str(settings.addressing_style)
    configured = session.get_config_variable("s3")
    style = configured.get("addressing_style") if isinstance(configured, dict) else None
    return str(style or (AddressingStyle.AUTO if endpoint is None else AddressingStyle.PATH))


def _config(
    settings: ConnectionSettings, endpoint: str | None, *, style: str, max_connections: int, read_timeout_s: float
) -> object:
    from botocore import UNSIGNED
    from botocore.config import Config

    is_aws = endpoint is None
    hosts = {"use_accelerate_endpoint": settings.accelerate, "use_dualstack_endpoint": settings.dualstack}
    signature = UNSIGNED if settings.anonymous else (None if is_aws else "s3v4")
    return Config(
        signature_version=signature,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        tcp_keepalive=True,
        max_pool_connections=max_connections,
        retries={"mode": "standard", "total_max_attempts": 1},
        s3={
            "addressing_style": style,
            "us_east_1_regional_endpoint": "regional",
            **{name: True for name, is_asked in hosts.items() if is_asked},  # else as the AWS configuration has it
        },
        # Stores other than AWS stumble over the newer checksums (s3-semantics 3.3); DeleteObjects carries one always.
        request_checksum_calculation="when_supported" if is_aws else "when_required",
        response_checksum_validation="when_required",
        user_agent_extra=user_agent(),
    )


def _verification(settings: ConnectionSettings, session: Any, endpoint: str | None) -> bool | str:
    """Return what botocore is told; True lets it take the certificates that it brings along."""
    if not settings.tls_verify or (endpoint is not None and parse_endpoint(endpoint).scheme == "http"):
        return False
    bundle = named_bundle(settings, session)
    return True if bundle is None else str(bundle)


def _as_it_is(text: str) -> str:
    return text


def _refuse_redirects(context: MutableMapping[str, Any], **_: Any) -> None:
    """Keep botocore from sending a request again to where the store's answer points: the caller decides."""
    redirect = context.get("s3_redirect")
    if redirect is not None:
        redirect["redirected"] = True


def _keep_list_body(
    response_dict: MutableMapping[str, Any], customized_response_dict: MutableMapping[str, Any], **_: Any
) -> None:
    """Keep a page for our own parser; botocore has only looked whether it is an error inside a 200."""
    if response_dict["status_code"] == 200 and _PAGE_MARK in response_dict["body"][:_HEAD_BYTES]:
        customized_response_dict[LIST_BODY] = response_dict["body"]
        response_dict["body"] = b""


def _strip_document(response_dict: MutableMapping[str, Any], **_: Any) -> None:
    """Take off what stands before the XML; a body that streams is no document."""
    if isinstance(response_dict["body"], bytes):
        response_dict["body"] = document_of(response_dict["body"])


def _leave_key_out(response_dict: MutableMapping[str, Any], **_: Any) -> None:
    """Take out the key, which we know, so that an answer about any key can be read."""
    response_dict["body"] = leave_key_out(response_dict["body"])


def _take_expires(params: MutableMapping[str, Any], context: MutableMapping[str, Any], **_: Any) -> None:
    """Take Expires out of botocore's sight, which would make a date of it; objects may carry any text there."""
    if "Expires" in params:
        context[_EXPIRES] = params.pop("Expires")


def _send_expires(params: MutableMapping[str, Any], context: MutableMapping[str, Any], **_: Any) -> None:
    if _EXPIRES in context:
        params["headers"]["Expires"] = context.pop(_EXPIRES)
