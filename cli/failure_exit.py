"""How the command ends badly: one message on standard error, one exit code, a traceback only on request."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress

from s3plan.schemas.errors import ExitCode, ManifestInvalid, S3PlanError
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.redaction import mask_known, redact

DEBUG_VARIABLE = "S3PLAN_DEBUG"


def report_failure(error: BaseException) -> int:
    """Print what went wrong, if it can be printed, and return the exit code."""
    if not isinstance(error, Exception):
        _print("s3plan: interrupted")
        return int(getattr(error, "exit_code", ExitCode.INTERRUPTED))
    _print(message_of(error))
    if os.environ.get(DEBUG_VARIABLE, "").lower() not in {"", "0", "false", "no"}:
        _print(redact("".join(traceback.format_exception(error))).rstrip("\n"))
    return int(exit_code_of(error))


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code that an error ends in."""
    if isinstance(error, S3PlanError):
        return error.exit_code
    return ExitCode.USAGE if _is_typers(error) else ExitCode.ERROR


def _print(text: str) -> None:
    with suppress(OSError):  # nobody reads it, or a full disk: the exit code is told all the same
        for line in text.split("\n"):
            print(escape_unprintable(line), file=sys.stderr)  # noqa: T201


def message_of(error: BaseException) -> str:
    """Return the whole message, free of secrets; a manifest's findings stand as they are, for editors that read them.

    Our own messages hold the store's words only as storage has redacted them. What else was raised may hold anything.
    """
    if isinstance(error, ManifestInvalid) and error.diagnostics:
        return mask_known(str(error))
    if isinstance(error, S3PlanError):
        return mask_known(f"s3plan: error: {error}")
    if _is_typers(error):
        return _usage_message(error)
    if isinstance(error, OSError) and error.strerror:
        place = f"{escape_unprintable(str(error.filename))}: " if error.filename is not None else ""
        return f"s3plan: error: {place}{error.strerror.lower()}"
    return (
        f"s3plan: internal error: {type(error).__name__}: {redact(str(error))}\n"
        f"This is a bug of s3plan, please report it. {DEBUG_VARIABLE}=1 shows where it happened."
    )


def _is_typers(error: BaseException) -> bool:
    """Say whether typer refused the command line; its class of such errors has no public name before typer 0.29."""
    return callable(getattr(error, "format_message", None))


def _usage_message(error: BaseException) -> str:
    message = str(getattr(error, "format_message")()).rstrip(".")  # noqa: B009
    message = message.replace(": Value error, ", ": ")  # typer's own, before what is wrong with a choice
    context = getattr(error, "ctx", None)
    command = "s3plan" if context is None else context.command_path
    return f"s3plan: error: {message[:1].lower()}{message[1:]}\nTry '{command} --help'."
