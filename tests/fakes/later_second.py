"""Large objects come to be in a later second than their upload began: by the test server's clock, without a wait.

A copy in parts waits for the next second before it completes, so that its object is known for its own if it is killed
(tests/unit/storage/transfer/copies/test_part_copying.py, and the other servers' journeys, which do wait). Hundreds of
runs with a large object in each would wait for half of their time.
"""

from __future__ import annotations

from s3plan.storage.steps import BatchContext

PLACE = (BatchContext, "left_of_first_second_s")
NO_WAIT_S = 0.0


def wait_no_more() -> None:
    """Be a process that does not wait; for one that ends with its run."""
    setattr(*PLACE, NO_WAIT_S)
