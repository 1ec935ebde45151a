"""Which endpoints a connection may name.

Signed requests go where the endpoint says, so a manifest from somebody else must not be able to send them to a metadata
service. Only what is written is judged: names are not resolved here.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from s3plan.schemas.errors import UsageInvalid

_METADATA_NAMES = {
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
}
_METADATA_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32")
)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_DEFAULT_PORTS = {"http": 80, "https": 443}

# https://docs.aws.amazon.com/general/latest/gr/s3.html, and with a bucket or an endpoint of a VPC before it.
# Other names of that domain are anybody's: a virtual machine, a load balancer, a gateway, a private link.
_S3_OF_AWS = re.compile(
    r"(?:[a-z0-9._-]+\.)?s3(?:express)?(?:-[a-z0-9-]+)?(?:\.dualstack)?(?:\.[a-z]{2,4}(?:-[a-z]+)+-[0-9]+)?(?:\.vpce)?"
    r"\.(?:amazonaws\.com(?:\.cn)?|api\.aws)"
)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class EndpointInvalid(UsageInvalid):
    """Not an endpoint that requests may be sent to; the message never holds the URL, which may carry a secret."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a store answers; equal for all spellings of one place, as far as spelling tells."""

    scheme: str
    host: str
    port: int
    path: str
    is_loopback: bool


def is_s3_of_aws(host: str) -> bool:
    """Return whether a host, in lower case, is one of Amazon S3 itself, and not merely one of AWS's many others."""
    return _S3_OF_AWS.fullmatch(host) is not None


def parse_endpoint(url: str) -> Endpoint:
    """Return what an `http://` or `https://` URL names; raise EndpointInvalid.

    Loopback names and addresses all become `localhost`, other addresses their usual spelling, however written.
    """
    if not re.fullmatch(r"[\x21-\x7e]+", url) or "\\" in url:
        raise EndpointInvalid("an endpoint has only printable ASCII characters, no spaces and no backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EndpointInvalid("this is not a URL such as https://s3.example.com:9000") from error
    if parts.scheme not in _DEFAULT_PORTS or "://" not in url:
        raise EndpointInvalid("an endpoint starts with https:// (or http://)")
    if "@" in parts.netloc:
        raise EndpointInvalid("an endpoint has no user name or password in it; name a profile or env_prefix instead")
    if "?" in url or "#" in url:
        raise EndpointInvalid("an endpoint has no query (?) and no fragment (#)")
    host, is_loopback = _judge_host(parts.hostname or "", bracketed="[" in parts.netloc)
    chosen = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if chosen == 0:
        raise EndpointInvalid("port 0 is not a port")
    return Endpoint(parts.scheme, host, chosen, parts.path.rstrip("/"), is_loopback)


def _judge_host(written: str, *, bracketed: bool) -> tuple[str, bool]:
    host = written.rstrip(".").lower()
    address = _address(host, bracketed=bracketed)
    if host in _METADATA_NAMES or (address is not None and any(address in network for network in _METADATA_NETWORKS)):
        raise EndpointInvalid("link-local and metadata addresses are never an endpoint")
    if address is None and not _HOST.fullmatch(host):
        raise EndpointInvalid("this is not a host name or address")
    if address is None:
        is_loopback = host == "localhost" or host.endswith(".localhost")
        return ("localhost" if is_loopback else host), is_loopback
    return ("localhost" if address.is_loopback else str(address)), address.is_loopback


def _address(host: str, *, bracketed: bool) -> _Address | None:
    """Return the address that a resolver takes the host for: `2852039166` and `0xa9fe.0xa9fe` are 169.254.169.254."""
    if bracketed:
        try:
            return _embedded(ipaddress.IPv6Address(host.partition("%")[0]))
        except ValueError as error:
            raise EndpointInvalid("what stands in brackets is not an IPv6 address") from error
    if not re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", host, re.ASCII):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError as error:
        raise EndpointInvalid("this is not an IPv4 address") from error


def _embedded(address: ipaddress.IPv6Address) -> _Address:
    """Return the IPv4 address that an IPv6 one carries (mapped, compatible, 6to4, NAT64), else the address itself."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or 1 < int(address) < 2**32:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
