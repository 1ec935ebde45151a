"""Policies as AWS reads them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from s3plan.planner.permissions.arns import literal
from s3plan.planner.permissions.grants import Grant

_VERSION = "2012-10-17"
Document = dict[str, Any]


def identity_policy(grants: Sequence[Grant]) -> Document:
    """Return the policy to attach to a user or a role."""
    return {"Version": _VERSION, "Statement": _statements(grants)}


def bucket_policy(grants: Sequence[Grant], *, bucket: str, principal: str) -> Document:
    """Return the statements that a bucket's policy needs for a principal of another account; an ARN names it."""
    own = [grant for grant in grants if grant.bucket == bucket]
    return {
        "Version": _VERSION,
        "Statement": [
            {"Sid": each["Sid"], "Effect": each["Effect"], "Principal": {"AWS": principal}, **each}
            for each in _statements(own)
        ],
    }


def _statements(grants: Iterable[Grant]) -> list[Document]:
    """Return statements of the same actions as one: on several resources, or for several prefixes."""
    of_keys: dict[tuple[str, str | None], list[str]] = {}
    of_listings: dict[tuple[str, str | None], list[str]] = {}
    of_others: dict[str, list[str]] = {}
    for grant in grants:
        if grant.key is not None:
            of_keys.setdefault((grant.key.arn, grant.key.alias), []).append(grant.action)
        elif grant.listed is not None:
            of_listings.setdefault((grant.arn, grant.listed), []).append(grant.action)
        else:
            of_others.setdefault(grant.arn, []).append(grant.action)
    statements = [
        *(_statement(actions, arns) for actions, arns in _by_actions(of_others)),
        *_of_listings(of_listings),
        *(_of_key(actions, *key) for key, actions in of_keys.items()),
    ]
    return [{"Sid": f"{_word(each)}{number}", **each} for number, each in enumerate(statements, start=1)]


def _statement(actions: Iterable[str], arns: Iterable[str]) -> Document:
    return {"Effect": "Allow", "Action": sorted(set(actions)), "Resource": sorted(arns)}


def _by_actions(found: Mapping[str, list[str]]) -> list[tuple[tuple[str, ...], list[str]]]:
    grouped: dict[tuple[str, ...], list[str]] = {}
    for arn, actions in found.items():
        grouped.setdefault(tuple(sorted(set(actions))), []).append(arn)
    return list(grouped.items())


def _of_listings(found: Mapping[tuple[str, str | None], list[str]]) -> list[Document]:
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (arn, prefix), actions in found.items():
        grouped.setdefault((arn, tuple(sorted(set(actions)))), []).append(f"{literal(prefix or '')}*")
    return [
        {**_statement(actions, [arn]), "Condition": {"StringLike": {"s3:prefix": sorted(prefixes)}}}
        for (arn, actions), prefixes in grouped.items()
    ]


def _of_key(actions: Iterable[str], arn: str, alias: str | None) -> Document:
    """Return the statement for a KMS key, which S3 alone may use it by.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html: kms:ViaService, kms:ResourceAliases.
    """
    condition: Document = {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}}
    if alias is not None:
        condition["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": alias}
    return {**_statement(actions, [arn]), "Condition": condition}


_WORDS = ("Create", "Delete", "Put", "Generate", "Abort", "Get", "Decrypt", "List")


def _word(statement: Document) -> str:
    """Return what a statement is for, as far as one word says it."""
    verbs = [action.partition(":")[2] for action in statement["Action"]]
    kind = next((word for word in _WORDS if any(verb.startswith(word) for verb in verbs)), "Use")
    return {"Put": "Write", "Get": "Read", "Generate": "Encrypt", "Abort": "Write"}.get(kind, kind)
