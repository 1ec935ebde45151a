"""`connections:` of the manifest: ways to reach a store. Never a secret."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from s3plan.schemas.manifest.locations import Region
from s3plan.schemas.manifest.readers import endpoint_url
from s3plan.schemas.manifest.values import Section, flag, text_value, word_of
from s3plan.schemas.manifest.words import AddressingStyle, EngineName
from s3plan.schemas.stores.names import StoreName

_SECRET_STARTS = ("secret", "accesskey", "awssecret", "awsaccesskey", "apikey", "privatekey")
_SECRET_PARTS = ("token", "password", "passwd", "passphrase", "credential")


def names_a_secret(key: str) -> bool:
    """Say whether a name promises a secret: `secret*`, `access_key*`, `*token*`, `*password*`, in any spelling."""
    plain = "".join(letter for letter in key.lower() if letter.isalnum())
    return plain.startswith(_SECRET_STARTS) or any(part in plain for part in _SECRET_PARTS)


class Connection(Section):
    """A named way to reach a store; credentials come from the AWS chain, a profile or the environment."""

    example: ClassVar[str] = "{endpoint: https://s3.example.com, profile: backup}"

    endpoint: Annotated[str, endpoint_url()] | None = Field(
        default=None, description="URL of the store. Without it: AWS.", examples=["https://s3.example.com:9000"]
    )
    store: Annotated[StoreName, word_of(StoreName)] | None = Field(
        default=None,
        description="What kind of store it is, by which s3plan knows what it can do; without it: by the host.",
        examples=["minio"],
    )
    region: Region | None = Field(
        default=None, description="Region for locations that name none.", examples=["eu-central-1"]
    )
    profile: Annotated[str, text_value("the name of a profile")] | None = Field(
        default=None, description="Profile of ~/.aws/config to take credentials from.", examples=["backup"]
    )
    env_prefix: (
        Annotated[
            str,
            text_value("capital letters, digits and underscores, such as BACKUP_", pattern=r"^[A-Z_][A-Z0-9_]{0,62}$"),
        ]
        | None
    ) = Field(
        default=None,
        description="Credentials come from variables named this + ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN.",
        examples=["BACKUP_"],
    )
    role_arn: (
        Annotated[
            str,
            text_value(
                "a role such as arn:aws:iam::111122223333:role/NAME",
                pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+$",
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Role to assume with those credentials.",
        examples=["arn:aws:iam::111122223333:role/copy"],
    )
    external_id: (
        Annotated[
            str,
            text_value(
                "the external id that the role asks for", pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$", max_bytes=1224
            ),
        ]
        | None
    ) = Field(default=None, description="External id that the role asks for; only with role_arn.")
    source_profile: Annotated[str, text_value("the name of a profile")] | None = Field(
        default=None,
        description="Profile of ~/.aws/config whose credentials assume role_arn; nothing else of it counts.",
        examples=["jump"],
    )
    addressing_style: Annotated[AddressingStyle, word_of(AddressingStyle)] = Field(
        default=AddressingStyle.AUTO, description="Whether the bucket stands in the host name (virtual) or in the path."
    )
    engine: Annotated[EngineName, word_of(EngineName)] = Field(
        default=EngineName.AUTO,
        description="How requests are sent: native is the fastest, boto3 the most compatible; auto takes native where "
        "it can.",
    )
    anonymous: Annotated[bool, flag()] = Field(default=False, description="Send unsigned requests, for public buckets.")
    requester_pays: Annotated[bool, flag()] = Field(
        default=False, description="Pay for requests to requester-pays buckets."
    )
    accelerate: Annotated[bool, flag()] = Field(
        default=False,
        description="Send requests over S3 Transfer Acceleration, which the bucket must have enabled; AWS only.",
    )
    dualstack: Annotated[bool, flag()] = Field(
        default=False, description="Reach AWS by its hosts that have IPv6 addresses too; AWS only."
    )
    tls_verify: Annotated[bool, flag()] = Field(default=True, description="Check the store's certificate.")
    ca_bundle: Annotated[str, text_value("the path of a file")] | None = Field(
        default=None,
        description="File with the certificates to trust. Relative to the folder of the file that names it.",
        examples=["/etc/ssl/store.pem"],
    )
    allow_http: Annotated[bool, flag()] = Field(
        default=False,
        description="Allow an http:// endpoint that is not on this machine; keys and data then travel unencrypted.",
    )
