"""`python -m s3plan` is the s3plan command."""

from s3plan.cli.main import run

run()
