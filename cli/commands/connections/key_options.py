"""The keys of a connection as options of `connections add` and `edit`; any key may also be named by `--set`."""

from __future__ import annotations

from typing import Annotated

import typer


def _text(name: str, metavar: str, about: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar=metavar, help=about)
    return option


def _flag(name: str, about: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(f"--{name}/--no-{name}", help=about)
    return option


EndpointOption = Annotated[str | None, _text("--endpoint", "URL", "URL of the store; without it: AWS.")]
StoreOption = Annotated[str | None, _text("--store", "KIND", "What kind of store it is; without it: by the host.")]
RegionOption = Annotated[str | None, _text("--region", "REGION", "Region for locations that name none.")]
ProfileOption = Annotated[str | None, _text("--profile", "NAME", "Profile of ~/.aws/config to take credentials from.")]
EnvPrefixOption = Annotated[
    str | None, _text("--env-prefix", "PREFIX_", "Credentials come from variables with this start.")
]
RoleOption = Annotated[str | None, _text("--role-arn", "ARN", "Role to assume with those credentials.")]
ExternalIdOption = Annotated[str | None, _text("--external-id", "ID", "External id that the role asks for.")]
SourceProfileOption = Annotated[str | None, _text("--source-profile", "NAME", "Profile whose credentials assume it.")]
AddressingOption = Annotated[
    str | None, _text("--addressing-style", "auto|path|virtual", "Where the bucket stands: in the host or the path.")
]
EngineOption = Annotated[str | None, _text("--engine", "auto|native|crt|boto3", "How requests are sent.")]
BundleOption = Annotated[str | None, _text("--ca-bundle", "FILE", "File with the certificates to trust.")]
AnonymousOption = Annotated[bool | None, _flag("anonymous", "Send unsigned requests, for public buckets.")]
RequesterPaysOption = Annotated[bool | None, _flag("requester-pays", "Pay for requests to requester-pays buckets.")]
AccelerateOption = Annotated[bool | None, _flag("accelerate", "Send requests over S3 Transfer Acceleration.")]
DualstackOption = Annotated[bool | None, _flag("dualstack", "Reach AWS by hosts that have IPv6 addresses too.")]
TlsVerifyOption = Annotated[bool | None, _flag("tls-verify", "Check the store's certificate.")]
AllowHttpOption = Annotated[bool | None, _flag("allow-http", "Allow an http:// endpoint that is not on this machine.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of a connection; repeatable.")
]
UnsetOption = Annotated[
    list[str] | None, typer.Option("--unset", metavar="KEY", help="Take a key out again; repeatable.")
]
