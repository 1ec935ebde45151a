"""Why no connection could be made, as far as its error tells: what may pass, and what stays as it is until mended."""

from __future__ import annotations

import re
from ssl import SSLCertVerificationError, SSLError

from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native.exchange import Breakage, Place

# OpenSSL's names of alerts that the other side sent; https://www.rfc-editor.org/rfc/rfc8446#section-6.2.
_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?[A-Z_]+")
_ENDED = re.compile(r"(?:UNEXPECTED_)?EOF|SHUTDOWN|ZERO_RETURN")


def breakage_of_opening(place: Place, error: Exception) -> Breakage:
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


def lasting_refusal(reason: str) -> str | None:
    """Return what to say of a TLS alert that every try would bring again, by OpenSSL's name; None if it may pass.

    A server that is overloaded, or just being started or stopped, sends any other one, or simply hangs up.
    """
    if not _ALERT.fullmatch(reason):
        return None
    if "CERTIFICATE_REQUIRED" in reason:
        return "it demands a client certificate, which s3plan cannot show"
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return f"it refuses the certificate that it was shown ({_spaced(reason)})"
    if "PROTOCOL_VERSION" in reason:
        return "it takes none of the TLS versions that this Python offers"
    return None


def words_of(error: Exception) -> str:
    """Return an error's own words, without numbers and brackets."""
    if isinstance(error, SSLError):
        return _spaced(error.reason or str(error))
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _of_handshake(place: Place, error: SSLError) -> Breakage:
    reason = error.reason or ""
    if not reason or _ENDED.match(reason):
        return Breakage(FailureKind.UNREACHABLE, "ConnectionLost", f"{place}: the TLS handshake was cut off")
    lasting = lasting_refusal(reason)
    if lasting is not None:
        return Breakage(FailureKind.INVALID, "TlsRefused", f"{place}: {lasting}")
    if _ALERT.fullmatch(reason):
        words = f"{place}: it ended the TLS handshake ({_spaced(reason)})"
        return Breakage(FailureKind.UNREACHABLE, "TlsAlert", words)
    return Breakage(FailureKind.INVALID, "TlsFailed", f"{place}: {words_of(error)}")


def _spaced(reason: str) -> str:
    return reason.replace("_", " ").lower()
