"""What AWS lets somebody do who sends a request of S3: the permissions that it is held against."""
