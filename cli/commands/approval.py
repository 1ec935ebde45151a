"""Who says yes."""

from __future__ import annotations

from s3plan.cli.screens.terminal import Terminal
from s3plan.schemas.errors import NotApproved

QUESTION = "Do you want to perform these actions? Only 'yes' will be accepted: "


def approve(terminal: Terminal, *, digest: str, yes: bool, expect: str | None) -> None:
    """Return if somebody said yes; raise NotApproved.

    `expect` counts as a yes: whoever passes a digest has approved that plan, and apply holds the plan against it.
    """
    if yes or expect is not None:
        return
    if not terminal.can_ask:
        raise NotApproved(
            f"not approved: there is no terminal to ask on; pass --yes, or --expect {digest} for exactly this plan"
        )
    if terminal.ask(QUESTION) != "yes":
        raise NotApproved("not approved: nothing was changed")
