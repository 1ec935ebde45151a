"""An S3 server for tests: exact conditions, faults on request, in a process of its own.

`ServerProcess` starts it. It is the oracle for what a pin does, so what it does not implement it refuses.
"""

from fakes.s3server.faults import Fault, FaultKind
from fakes.s3server.process import LoggedRequest, ObjectState, OpenUpload, ServerProcess, Stats

__all__ = ["Fault", "FaultKind", "LoggedRequest", "ObjectState", "OpenUpload", "ServerProcess", "Stats"]
