"""Keeps answers that are read as a whole within bounds: botocore reads whatever a store sends, to the end of memory.

And it takes an answer that was cut off for a whole one, which may then say that all went well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOST_BODY_BYTES = 32 << 20
"""As for the native engine: five times as much as the largest page of a listing."""

_ERRORS_BEGIN = 300  # from there on botocore reads an answer whole, whatever was asked


def bound_answers(client: Any) -> None:
    """Have a botocore client give up an answer that is longer, or that was cut off.

    Bodies that are read piece by piece are not judged.
    """
    session = client._endpoint.http_session  # noqa: SLF001  botocore lets nobody give it one
    session.send = _bounded(session.send)


def _bounded(send: Callable[[Any], Any]) -> Callable[[Any], Any]:
    from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
    from urllib3.exceptions import ProtocolError
    from urllib3.exceptions import ReadTimeoutError as NoMoreCame

    def bounded_send(request: Any) -> Any:
        is_read_later, request.stream_output = request.stream_output, True  # else it is read before it is seen here
        answer = send(request)
        if is_read_later and answer.status_code < _ERRORS_BEGIN:
            return answer
        try:
            answer._content = _read(answer.raw)  # noqa: SLF001  where botocore keeps it
        except HTTPClientError:
            raise
        except NoMoreCame as error:  # from here on as botocore has it
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except ProtocolError as error:
            raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from error
        except Exception as error:
            raise HTTPClientError(error=error) from error
        return answer

    return bounded_send


def _read(raw: Any) -> bytes:
    from botocore.exceptions import HTTPClientError
    from urllib3.exceptions import ProtocolError

    pieces, left = [], MOST_BODY_BYTES
    for piece in raw.stream():
        left -= len(piece)
        if left < 0:
            raw.close()
            raise HTTPClientError(error=f"the answer is longer than {MOST_BODY_BYTES:,} bytes")
        pieces.append(piece)
    if raw.length_remaining:  # urllib3 says nothing where it reads in pieces
        raise ProtocolError(f"{raw.length_remaining:,} bytes of the answer did not come")
    return b"".join(pieces)
