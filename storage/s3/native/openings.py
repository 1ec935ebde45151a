"""Why no connection could be made, as far as its error tells: what may pass, and what stays as it is until mended."""

from __future__ import annotations

import re
from ssl import SSLCertVerificationError, SSLError

from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.exchange import Breakage, HostPort
from s3plan.storage.s3.wire.tls_alerts import is_alert, lasting_refusal, spaced, words_of

_ENDED = re.compile(r"(?:UNEXPECTED_)?EOF|SHUTDOWN|ZERO_RETURN")


def breakage_of_opening(place: HostPort, error: Exception) -> Breakage:
    """Return why a connection to that place could not be made; nothing of a request was sent."""
    if isinstance(error, SSLCertVerificationError):
        return Breakage(FailureKind.INVALID, "TlsFailed", f"{place}: {error.verify_message}")
    if isinstance(error, SSLError):
        return _of_handshake(place, error)
    if isinstance(error, ConnectionRefusedError):
        return Breakage(FailureKind.UNREACHABLE, "ConnectionRefused", f"{place} refuses connections")
    kind = FailureKind.INVALID if isinstance(error, ValueError) else FailureKind.UNREACHABLE
    code = "TlsFailed" if isinstance(error, ValueError) else "ConnectFailed"
    return Breakage(kind, code, f"{place}: {words_of(error)}")


def _of_handshake(place: HostPort, error: SSLError) -> Breakage:
    reason = error.reason or ""
    if not reason or _ENDED.match(reason):
        return Breakage(FailureKind.UNREACHABLE, "ConnectionLost", f"{place}: the TLS handshake was cut off")
    lasting = lasting_refusal(reason)
    if lasting is not None:
        return Breakage(FailureKind.INVALID, "TlsRefused", f"{place}: {lasting}")
    if is_alert(reason):
        words = f"{place}: it ended the TLS handshake ({spaced(reason)})"
        return Breakage(FailureKind.UNREACHABLE, "TlsAlert", words)
    return Breakage(FailureKind.INVALID, "TlsFailed", f"{place}: {words_of(error)}")
