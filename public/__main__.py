"""The s3plan command: what `s3plan` and `python -m s3plan` start."""

import gc
import signal

_GC_THRESHOLDS = (50_000, 20, 50)


def main() -> None:
    """Be the command. Until it is imported, Ctrl-C ends it as it ends other programs, not by a traceback."""
    gc.set_threshold(*_GC_THRESHOLDS)  # what imports make stays: to walk over it time and again is a tenth of the start
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from s3plan.cli.main import run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
