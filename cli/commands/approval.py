"""Who says yes."""

from __future__ import annotations

from pathlib import Path

from s3plan.app.roots import Root
from s3plan.cli.screens.terminal import Terminal
from s3plan.schemas.errors import NotApproved
from s3plan.schemas.printable import shown_path

QUESTION = "Do you want to perform these actions? Only 'yes' will be accepted: "
ROOT_QUESTION = "Do you want to perform these actions in {}? Only 'yes' will be accepted: "


def approve(terminal: Terminal, *, digest: str, yes: bool, expect: str | None, root: Root | None = None) -> None:
    """Return if somebody said yes; raise NotApproved.

    `expect` counts as a yes: whoever passes a digest has approved that plan, and apply holds the plan against it. It
    says nothing of `root`, another folder than the planned one: where somebody can be asked about that, it is done.
    """
    if yes or (expect is not None and (root is None or not terminal.can_ask)):
        return
    if not terminal.can_ask:
        raise NotApproved(
            f"not approved: there is no terminal to ask on; pass --yes, or --expect {digest} for exactly this plan"
        )
    question = QUESTION if root is None else ROOT_QUESTION.format(shown_path(Path(root.path)))
    if terminal.ask(question) != "yes":
        raise NotApproved("not approved: nothing was changed")
