"""The errors that S3 answers with, by code."""

from __future__ import annotations

_STATUS = {
    "AccessControlListNotSupported": 400,
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "BucketAlreadyExists": 409,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "ConditionalRequestConflict": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidObjectState": 403,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidStorageClass": 400,
    "InvalidTag": 400,
    "InvalidToken": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchTagSet": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "OperationAborted": 409,
    "PermanentRedirect": 301,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "TemporaryRedirect": 307,
}

_MESSAGE = {
    "AccessDenied": "Access Denied",
    "BadDigest": "The Content-MD5 or checksum value that you specified did not match what the server received.",
    "ConditionalRequestConflict": "The conditional request cannot succeed due to a conflicting operation.",
    "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed size",
    "ExpiredToken": "The provided token has expired.",
    "InternalError": "We encountered an internal error. Please try again.",
    "InvalidObjectState": "The operation is not valid for the object's storage class",
    "InvalidPart": "One or more of the specified parts could not be found.",
    "InvalidPartOrder": "The list of parts was not in ascending order.",
    "MalformedXML": "The XML you provided was not well-formed or did not validate against our published schema",
    "NoSuchBucket": "The specified bucket does not exist",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchUpload": "The specified multipart upload does not exist.",
    "NotImplemented": "A header or query you provided implies functionality that is not implemented.",
    "PermanentRedirect": "The bucket you are attempting to access must be addressed using the specified endpoint.",
    "PreconditionFailed": "At least one of the pre-conditions you specified did not hold",
    "RequestTimeTooSkewed": "The difference between the request time and the current time is too large.",
    "SlowDown": "Please reduce your request rate.",
}


def is_known(code: str) -> bool:
    """Whether there is an error of this code."""
    return code in _STATUS


class S3Error(Exception):
    """An answer that refuses a request; the status follows from the code."""

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        self.status = _STATUS[code]
        self.message = _MESSAGE.get(code, code) if message is None else message
        super().__init__(f"{self.status} {code}: {self.message}")
