"""Text made free of what signs requests: of what looks like a secret, and of what is known to be one.

What looks like one is told by its name (a header, an element, a field). What is known are the values that sessions were
opened with: they are found whatever stands next to them, also percent-encoded, in hexadecimal and in base64.
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote

MASK = "[redacted]"

_LEAST_LETTERS = 16  # a shorter one may be an ordinary word of a message, and AWS has none
_MOST_VALUES = 64
# What a name and its value are kept apart by, also percent-encoded and within quotes that are escaped themselves.
# Possessive: else a store could say what it takes hours to look through.
_APART = r"[\\\"'\s]*+(?:[=:>]|%3[AD])[\\\"'=:>\s]*+"
# S3 repeats what it was asked to sign, token included, in the answer to a wrong signature.
_ELEMENT = re.compile(
    r"<(CanonicalRequest(?:Bytes)?|StringToSign(?:Bytes)?|SignatureProvided)>.*?(?:</\1>|$)", re.DOTALL | re.IGNORECASE
)
_AUTHORIZATION = re.compile(rf"(authorization{_APART}b?+[\\\"']*+)[^\\\"'<>\r\n]+", re.IGNORECASE)
_NAMED = re.compile(
    r"((?:security-?token|signature|credential|token(?:-[0-9]+)?|(?:secret|private)_?(?:access_?)?key|client_?secret|customer-?key(?:-?md5)?|"
    rf"password|passphrase){_APART})[^\s&\",;<>]+",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_USER_INFO = re.compile(r"(?<=://)[^\s/@\"'<>]+@")


class _KnownSecrets:
    """The values, each in the forms in which it may turn up; the last ones of a long life are kept.

    What is no text is counted by itself: a key lasts for a whole run, whose sessions have new tokens every hour.
    """

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, ...]] = {}
        self._bytes: dict[str, tuple[str, ...]] = {}
        self._forms: tuple[str, ...] = ()

    def add(self, value: str) -> None:
        if len(value) < _LEAST_LETTERS or value in self._values:
            return
        self._values = _with_last(self._values, value, _forms_of(value))
        self._sort()

    def add_bytes(self, value: bytes) -> None:
        name = value.hex()
        if name not in self._bytes:
            self._bytes = _with_last(self._bytes, name, _forms_of_bytes(value))
            self._sort()

    def _sort(self) -> None:
        forms = {form for of_value in (*self._values.values(), *self._bytes.values()) for form in of_value}
        # Replaced, never changed: other threads may be reading. The longest go first, as one may hold another.
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def mask(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def first_place(self, text: str) -> int | None:
        return min((at for form in self._forms if (at := text.find(form)) >= 0), default=None)


def _with_last(known: dict[str, tuple[str, ...]], name: str, forms: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return these and one more, without the oldest of too many."""
    return dict([*known.items(), (name, forms)][-_MOST_VALUES:])


_KNOWN = _KnownSecrets()


def remember_secrets(*values: str | None) -> None:
    """Take note of secret keys and tokens, so that no text shows them from now on; kept in memory only."""
    for value in values:
        if value is not None:
            _KNOWN.add(value.strip())


def remember_bytes(value: bytes) -> None:
    """Do so for a secret that is no text, in whatever notation it may turn up."""
    _KNOWN.add_bytes(value)


def mask_known(text: str) -> str:
    """Return the text without the secrets that are known; nothing else of it changes."""
    return _KNOWN.mask(text)


def find_known(text: str) -> int | None:
    """Return where the first known secret begins in the text; None if it holds none."""
    return _KNOWN.first_place(text)


def redact(text: str) -> str:
    """Return the text without known secrets and without what is named as a signature, a token or a secret key."""
    text = _ELEMENT.sub(lambda found: f"<{found[1]}>{MASK}", mask_known(text))
    for pattern in (_AUTHORIZATION, _NAMED):
        text = pattern.sub(lambda found: f"{found[1]}{MASK}", text)
    return _USER_INFO.sub(f"{MASK}@", text)


def described(error: BaseException) -> str:
    """Return an error's kind and words, redacted: what others raise may quote anything."""
    return redact(f"{type(error).__name__}: {error}")


def _forms_of(value: str) -> tuple[str, ...]:
    data = value.encode(errors="surrogateescape")
    return tuple(dict.fromkeys((*_escaped(value), *_encoded(data))))


def _escaped(text: str) -> Iterator[str]:
    """Yield a text as addresses, JSON and pages have it; some write the digits of a percent-encoding small."""
    for form in (quote(text, safe=""), quote(text)):
        yield form
        yield _PERCENT.sub(lambda found: found[0].lower(), form)
    yield from (text, text.replace("/", "\\/"), text.replace("+", "&#43;"))


def _forms_of_bytes(value: bytes) -> tuple[str, ...]:
    """Return what shows them: as others write bytes down, and each text of theirs written down once more."""
    texts = {value.decode(name, errors) for name, errors in (("latin-1", "strict"), ("utf-8", "surrogateescape"))}
    written = (
        *_encoded(value),
        repr(value)[2:-1],
        quote(value, safe=""),
        *(repr(text)[1:-1] for text in texts),
        *texts,
        b64encode(value).decode(),
    )
    notations = (value.hex(), value.hex().upper(), b64encode(value).decode(), b64encode(value).decode().rstrip("="))
    again = (form for text in notations for form in _forms_of(text))
    return tuple(dict.fromkeys((*written, *again)))


def _encoded(data: bytes) -> tuple[str, ...]:
    hexadecimal = data.hex()
    return (
        hexadecimal,
        hexadecimal.upper(),
        data.hex(" "),
        data.hex(" ").upper(),
        data.hex(":"),
        data.hex(":").upper(),
        b64encode(data).decode().rstrip("="),
        urlsafe_b64encode(data).decode().rstrip("="),
    )
