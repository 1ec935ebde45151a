"""`s3plan policy`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text
from s3plan.app.policies import USUAL_COMMANDS, Policies, PolicyDocument, PolicyRequest, least_policies
from s3plan.cli.commands.plan import DEFAULT_MANIFEST
from s3plan.cli.screens.terminal import open_terminal
from s3plan.schemas.errors import ExitCode, UsageInvalid
from s3plan.schemas.permissions.permitted_commands import PermittedCommand
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.printable import escape_unprintable


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """The command line of `policy`."""

    manifest: Path | None = None
    command: PermittedCommand | None = None
    side: Side | None = None
    job: str | None = None
    json: bool = False
    no_color: bool = False


def print_policies(options: PolicyOptions) -> int:
    """Print policies on the standard output, one JSON document after another, and what is to be known of them."""
    if options.manifest is None and not DEFAULT_MANIFEST.exists():
        raise UsageInvalid(f"there is no {DEFAULT_MANIFEST} in this directory; name a manifest")
    commands = USUAL_COMMANDS if options.command is None else (options.command,)
    request = PolicyRequest(options.manifest or DEFAULT_MANIFEST, commands, options.side, options.job)
    found = least_policies(request)
    terminal = open_terminal(no_color=options.no_color)
    if options.json:
        sys.stdout.write(_text(_document(found)))
        return ExitCode.DONE
    for document in found.documents:
        terminal.say([Text(f"{_heading(document)}:")])
        sys.stdout.write(_text(document.document))
        sys.stdout.flush()
    terminal.say(Text(escape_unprintable(remark)) for remark in found.remarks)
    return ExitCode.DONE


def _heading(document: PolicyDocument) -> str:
    who = f"connection {document.connection}" if document.connection else "the default connection"
    if document.role_arn is not None:
        who += f" ({document.role_arn})"
    what = "policy" if document.bucket is None else f"statements in the policy of the bucket {document.bucket}"
    return f"{what} for {who}"


def _text(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _document(found: Policies) -> dict[str, Any]:
    return {
        "policies": [
            {
                "kind": each.kind,
                "connection": each.connection,
                "role_arn": each.role_arn,
                "bucket": each.bucket,
                "document": each.document,
            }
            for each in found.documents
        ],
        "remarks": list(found.remarks),
    }
