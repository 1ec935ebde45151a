"""What a TLS alert of the other side means: whether another try would bring it again, and what to say of it."""

from __future__ import annotations

import re
from ssl import SSLError

# OpenSSL's names of alerts that the other side sent; https://www.rfc-editor.org/rfc/rfc8446#section-6.2.
_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?[A-Z_]+")


def is_alert(reason: str) -> bool:
    """Whether OpenSSL's name of what went wrong is one of an alert that the other side sent."""
    return _ALERT.fullmatch(reason) is not None


def lasting_refusal(reason: str) -> str | None:
    """Return what to say of a TLS alert that every try would bring again, by OpenSSL's name; None if it may pass.

    A server that is overloaded, or just being started or stopped, sends any other one, or simply hangs up.
    """
    if not is_alert(reason):
        return None
    if "CERTIFICATE_REQUIRED" in reason:
        return "it demands a client certificate, which s3plan cannot show"
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return f"it refuses the certificate that it was shown ({spaced(reason)})"
    if "PROTOCOL_VERSION" in reason:
        return "it takes none of the TLS versions that this Python offers"
    return None


def words_of(error: Exception) -> str:
    """Return an error's own words, without numbers and brackets."""
    if isinstance(error, SSLError):
        return spaced(error.reason or str(error))
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def spaced(reason: str) -> str:
    """Return OpenSSL's name of an alert as words."""
    return reason.replace("_", " ").lower()
