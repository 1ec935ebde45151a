"""The s3plan command: what `s3plan` and `python -m s3plan` start."""

import signal


def main() -> None:
    """Be the command. Until it is imported, Ctrl-C ends it as it ends other programs, not by a traceback."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from s3plan.cli.main import run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
