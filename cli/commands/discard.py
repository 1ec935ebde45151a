"""`s3plan discard`."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.plans.discarding import OpenUpload, Remains, discard_plan, look_at_remains
from s3plan.cli.screens.columns import Cell, aligned_lines
from s3plan.cli.screens.terminal import Terminal, open_terminal
from s3plan.cli.screens.wording import command_text, count_text, key_text, path_text
from s3plan.schemas.errors import ExitCode, NotApproved
from s3plan.schemas.printable import escape_unprintable

_QUESTION = "Do you want to give this plan up? Only 'yes' will be accepted: "
_UPLOADS_SHOWN = 10


def discard(plan: Path | None, *, yes: bool, aborts_uploads: bool, no_color: bool) -> int:
    """Say what a plan leaves behind, ask, and put it away; with `aborts_uploads` its own open uploads go first."""
    terminal = open_terminal(no_color=no_color)
    path = chosen_plan(plan, Purpose.APPLY)
    remains = look_at_remains(path)
    terminal.say(remains_lines(remains, aborts_uploads=aborts_uploads))
    if not yes:
        _ask(terminal)
    place = discard_plan(remains, aborts_uploads=aborts_uploads)
    number = place.stem.rpartition(".")[2]
    rows = [[Cell("to look at it:"), Cell(command_text("s3plan", "status", number))]]
    if remains.remaining:
        rows.append([Cell("to go on with it after all:"), Cell(command_text("s3plan", "apply", number))])
    terminal.print([Text(f"{path_text(path)}: given up, and kept as {path_text(place)}", style="bold")])
    terminal.print(aligned_lines(rows))
    return ExitCode.DONE


def remains_lines(remains: Remains, *, aborts_uploads: bool) -> list[Text]:
    """Return what giving the plan up leaves behind."""
    name = path_text(remains.plan)
    if remains.unreadable is not None:
        return [
            Text(f"{name}: what it leaves behind is not known", style="bold yellow"),
            Text(f"  {escape_unprintable(remains.unreadable)}"),
        ]
    if not remains.has_run:
        return [Text(f"{name} was never applied, so it leaves nothing behind", style="bold")]
    ended = count_text(remains.ended, "action")
    lines = [Text(f"{name}: {ended} ended, {remains.remaining:,} left undone; what was done stays", style="bold")]
    uploads = remains.uploads
    if uploads:
        what = "that will be aborted" if aborts_uploads else "that stay, and cost storage; --abort-uploads removes them"
        lines.append(Text(f"  {count_text(len(uploads), 'unfinished multipart upload')} {what}:"))
        lines += [_upload_line(upload) for upload in uploads[:_UPLOADS_SHOWN]]
        if len(uploads) > _UPLOADS_SHOWN:
            lines.append(Text(f"    and {len(uploads) - _UPLOADS_SHOWN:,} more"))
    return lines


def _upload_line(upload: OpenUpload) -> Text:
    place = f"s3://{upload.location.bucket}/{key_text(upload.key.encode())}"
    return Text(f"    {place}  {escape_unprintable(upload.upload_id)}")


def _ask(terminal: Terminal) -> None:
    if not terminal.can_ask:
        raise NotApproved("not given up: there is no terminal to ask on; pass --yes")
    if terminal.ask(_QUESTION) != "yes":
        raise NotApproved("not given up: nothing was changed")
