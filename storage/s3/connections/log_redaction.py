"""What libraries log while they send requests, made free of secrets before any handler sees it.

botocore's debug lines hold signed headers, session tokens and whole answers, credentials of roles among them. A filter
of a logger sees only what is logged to that very logger, not to those below it, so each module's own gets one.
awscrt's native log, which a program may turn on with `awscrt.io.init_logging`, passes no logger and is not covered.
"""

from __future__ import annotations

import logging
import pkgutil
import traceback
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module

from s3plan.schemas.redaction import redact

_PACKAGES = ("botocore", "urllib3", "s3plan.storage")


class SecretsFilter(logging.Filter):
    """Passes every record on, its text redacted; arguments, which may hold requests, are made part of the text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  logging would print the arguments together with its complaint
            message = f"a message that cannot be formatted, from {record.name}"
        record.msg, record.args = redact(message), ()
        if record.exc_info:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info))).rstrip("\n")
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


_FILTER = SecretsFilter()


@cache
def keep_secrets_out_of_logs() -> None:
    """Put the filter on the loggers of all modules that see requests, imported yet or not; once for the process."""
    for package in _PACKAGES:
        for name in (package, *_modules_of(package, import_module(package).__path__)):
            logging.getLogger(name).addFilter(_FILTER)


def _modules_of(package: str, folders: Iterable[str]) -> Iterator[str]:
    """Yield the names of all modules of a package, at any depth, without importing them."""
    places = list(folders)
    for found in pkgutil.iter_modules(places):
        name = f"{package}.{found.name}"
        yield name
        if found.ispkg:
            yield from _modules_of(name, [f"{place}/{found.name}" for place in places])
