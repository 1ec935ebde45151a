"""The keys of a connection as options of `connections add` and `edit`; any key may also be named by `--set`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

Keys = Mapping[str, str | bool | None]
"""What the options say, by key; None: nothing."""


def _text(name: str, metavar: str, about: str) -> object:
    return Annotated[str | None, typer.Option(name, metavar=metavar, help=about)]


def _flag(name: str, about: str) -> object:
    return Annotated[bool | None, typer.Option(f"--{name}/--no-{name}", help=about)]


KEY_OPTIONS: Mapping[str, object] = {
    "endpoint": _text("--endpoint", "URL", "URL of the store; without it: AWS."),
    "store": _text("--store", "KIND", "What kind of store it is; without it: by the host."),
    "region": _text("--region", "REGION", "Region for locations that name none."),
    "profile": _text("--profile", "NAME", "Profile of ~/.aws/config to take credentials from."),
    "env_prefix": _text("--env-prefix", "PREFIX_", "Credentials come from variables with this start."),
    "role_arn": _text("--role-arn", "ARN", "Role to assume with those credentials."),
    "external_id": _text("--external-id", "ID", "External id that the role asks for."),
    "source_profile": _text("--source-profile", "NAME", "Profile whose credentials assume it."),
    "addressing_style": _text(
        "--addressing-style", "auto|path|virtual", "Where the bucket stands: in the host or the path."
    ),
    "engine": _text("--engine", "auto|native|crt|boto3", "How requests are sent."),
    "anonymous": _flag("anonymous", "Send unsigned requests, for public buckets."),
    "requester_pays": _flag("requester-pays", "Pay for requests to requester-pays buckets."),
    "accelerate": _flag("accelerate", "Send requests over S3 Transfer Acceleration."),
    "dualstack": _flag("dualstack", "Reach AWS by hosts that have IPv6 addresses too."),
    "tls_verify": _flag("tls-verify", "Check the store's certificate."),
    "ca_bundle": _text("--ca-bundle", "FILE", "File with the certificates to trust."),
    "allow_http": _flag("allow-http", "Allow an http:// endpoint that is not on this machine."),
}
"""By the keys that they set."""

SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of a connection; repeatable.")
]
UnsetOption = Annotated[
    list[str] | None, typer.Option("--unset", metavar="KEY", help="Take a key out again; repeatable.")
]


def with_key_options(command: Callable[..., int]) -> Callable[..., int]:
    """Return a command with an option for each key in the place of its one parameter `keys`, which gets them all."""

    def with_keys(*words: Any, **options: Any) -> int:
        keys = {key: options.pop(key) for key in KEY_OPTIONS}
        return command(*words, keys=keys, **options)

    parameters: list[Parameter] = []
    for each in signature(command, eval_str=True).parameters.values():
        if each.name != "keys":
            parameters.append(each)
            continue
        parameters += (
            Parameter(key, Parameter.KEYWORD_ONLY, default=None, annotation=option)
            for key, option in KEY_OPTIONS.items()
        )
    with_keys.__name__ = command.__name__
    with_keys.__doc__ = command.__doc__
    with_keys.__annotations__ = {each.name: each.annotation for each in parameters}
    with_keys.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return with_keys
