"""Where a run stands, as one line: for a terminal that redraws it, and for a log."""

from __future__ import annotations

from rich.text import Text
from s3plan.cli.screens.wording import duration_text
from s3plan.schemas.events import Advanced, Audited, Listed
from s3plan.schemas.quantities import size_text

_BAR_MOST, _BAR_LEAST = 30, 8
_BAD_OUTCOMES = (("failed", "red"), ("stale", "yellow"), ("unknown", "yellow"))
_GAP = "  "

Part = tuple[str, str]  # text, style


def run_frame(event: Advanced, *, width: int) -> Text:
    """Return the line for a terminal, at most `width` columns: what matters least is left out first."""
    share = _share(event)
    head = [(f"{event.phase or 'done'} {int(share * 100)}%", "bold")]
    vital = _fitting([*head, (f"{event.settled:,}/{event.actions:,}", ""), *_marks(event)], width=width)
    room_for_bar = _BAR_LEAST + 2 + len(_GAP)
    kept = _fitting([*vital, *_pace(event)], width=max(width - room_for_bar, _width(vital)))
    left = width - _width(kept) - len(_GAP) - 2
    line = Text().append(head[0][0][:width], style="bold")
    if left >= _BAR_LEAST:
        line.append(_GAP)
        line.append_text(_bar(share, columns=min(left, _BAR_MOST)))
    for text, style in kept[1:]:
        line.append(_GAP)
        line.append(text, style=style)
    return line


def run_line(event: Advanced) -> str:
    """Return the same for a log."""
    parts = [f"{int(_share(event) * 100)}%, {event.settled:,} of {event.actions:,} actions"]
    parts += [text for text, _ in (*_pace(event), *_marks(event))]
    return f"{event.phase or 'done'}: {', '.join(parts)}"


def pace_text(event: Advanced) -> str:
    """Return rates, bytes, time left and what must not be missed, for a screen that shows the counts elsewhere."""
    marks = [text for text, _ in _marks(event) if not text.endswith(tuple(name for name, _ in _BAD_OUTCOMES))]
    return ", ".join([text for text, _ in _pace(event)] + marks)


def listing_frame(event: Listed, *, width: int) -> Text:
    """Return the line that shows how far the comparison is."""
    return Text(listing_line(event)[:width])


def listing_line(event: Listed) -> str:
    """Return the same for a log."""
    return (
        f"comparing: {event.source_objects:,} objects at the source, {event.destination_objects:,} at the destination, "
        f"{event.actions:,} to act on, {duration_text(event.elapsed_s)}"
    )


def _share(event: Advanced) -> float:
    return min(event.settled / event.actions, 1.0) if event.actions else 1.0


def _marks(event: Advanced) -> list[Part]:
    """Return what a person must not miss."""
    marks = [(f"{event.counts[name]:,} {name}", style) for name, style in _BAD_OUTCOMES if event.counts.get(name)]
    if event.held:
        marks.append(("waiting", "yellow"))
    if event.throttled:
        marks.append(("throttled", "yellow"))
    if event.retrying:
        marks.append((f"{event.retrying:,} retrying", "yellow"))
    return marks


def _pace(event: Advanced) -> list[Part]:
    """Return rates and time left, which a run has that is not held back, and the bytes."""
    is_over = event.settled >= event.actions
    parts = [] if is_over or event.held or event.eta_s is None else [(f"{duration_text(event.eta_s)} left", "cyan")]
    parts += [] if event.held else [(f"{event.actions_per_s:,.0f}/s", "")]
    if event.bytes:
        parts.append((f"{size_text(event.settled_bytes)} of {size_text(event.bytes)}", ""))
        parts += [] if event.held else [(f"{size_text(event.bytes_per_s)}/s", "")]
    return parts


def _fitting(parts: list[Part], *, width: int) -> list[Part]:
    kept = list(parts)
    while len(kept) > 1 and _width(kept) > width:
        kept.pop()
    return kept


def _width(parts: list[Part]) -> int:
    return sum(len(text) for text, _ in parts) + len(_GAP) * (len(parts) - 1)


def _bar(share: float, *, columns: int) -> Text:
    filled = int(share * columns)
    bar = Text("[")
    bar.append("#" * filled, style="green")
    bar.append("-" * (columns - filled), style="dim")
    return bar.append("]")


def audit_line(event: Audited) -> str:
    """Return how far an audit is."""
    wanting = f", {event.wanting:,} differ or are missing" if event.wanting else ""
    return f"verifying: {event.objects:,} objects compared{wanting}, {duration_text(event.elapsed_s)}"
