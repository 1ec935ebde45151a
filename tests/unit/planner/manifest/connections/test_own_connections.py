from pathlib import Path
from textwrap import dedent

import pytest
from s3plan.planner.manifest.connections.own_connections import OwnConnections, parse_connections
from s3plan.planner.manifest.file import LoadedManifest, parse_manifest
from s3plan.schemas.errors import ManifestInvalid

OWN = Path("/home/me/connections.yaml")
JOB = """
    version: 1
    name: job
    source: { url: "s3://from/", connection: store }
    destination: { url: "s3://onto/", connection: store }
"""


def own(text: str) -> OwnConnections:
    return parse_connections(dedent(text).encode(), path=OWN)


def manifest(text: str, given: OwnConnections | None = None) -> LoadedManifest:
    return parse_manifest(dedent(text).encode(), path=Path("job.yaml"), own=given)


def refusal(text: str, given: OwnConnections | None = None) -> str:
    with pytest.raises(ManifestInvalid) as refused:
        manifest(text, given)
    return str(refused.value)


def refusal_of_own(text: str) -> str:
    with pytest.raises(ManifestInvalid) as refused:
        own(text)
    return str(refused.value)


STORE = own("connections: { store: { endpoint: https://store.example, profile: me }, other: { region: eu-west-1 } }")


def test_a_location_may_name_a_connection_of_the_users_own() -> None:
    loaded = manifest(JOB, STORE)
    assert loaded.taken == ("store",)
    assert dict(loaded.manifest.connections) == {"store": STORE.connections["store"]}  # and no other


def test_what_was_taken_stands_in_what_the_plan_keeps() -> None:
    loaded = manifest(JOB, STORE)
    again = manifest(loaded.resolved)  # without the user's file
    assert again.manifest == loaded.manifest
    assert "other" not in loaded.resolved


def test_defaults_and_jobs_may_name_one_too() -> None:
    text = """
        version: 1
        name: jobs
        defaults: { destination: { connection: other } }
        jobs:
          a: { source: { url: "s3://from/", connection: store }, destination: { url: "s3://onto/a/" } }
    """
    given = own("connections: { store: { profile: me }, other: { profile: you } }")
    loaded = manifest(text, given)
    assert set(loaded.manifest.connections) == {"store", "other"}
    assert manifest(loaded.resolved).manifest == loaded.manifest


def test_without_the_users_file_the_name_is_unknown() -> None:
    assert "there is no connection store" in refusal(JOB)
    assert "there is no connection store" in refusal(JOB, own("connections: { stone: { profile: me } }"))


@pytest.mark.parametrize("same", ["https://store.example", "https://STORE.example:443/", "https://store.example."])
def test_the_manifests_own_one_wins_if_it_leads_to_the_same_place(same: str) -> None:
    loaded = manifest(JOB + f"    connections: {{ store: {{ endpoint: '{same}', region: auto }} }}\n", STORE)
    assert loaded.taken == ()
    assert loaded.manifest.connections["store"].profile is None
    assert loaded.manifest.connections["store"].region == "auto"


@pytest.mark.parametrize(
    ("written", "leads_to"),
    [
        ("endpoint: https://elsewhere.example", "https://elsewhere.example"),
        ("endpoint: http://store.example, allow_http: true", "http://store.example"),
        ("region: auto", "AWS"),
    ],
)
def test_one_that_leads_elsewhere_is_a_finding_that_names_both(written: str, leads_to: str) -> None:
    told = refusal(JOB + f"    connections: {{ store: {{ {written} }} }}\n", STORE)
    assert "job.yaml:6:" in told
    assert f"leads to {leads_to}, but the connection store of your own, in {OWN}" in told
    assert "leads to https://store.example" in told


def test_a_clash_is_found_also_where_nothing_names_the_connection() -> None:
    text = JOB.replace("connection: store", "region: auto") + "    connections: { store: { region: auto } }\n"
    assert "but the connection store of your own" in refusal(text, STORE)


def test_regional_endpoints_of_aws_are_one_place() -> None:
    given = own("connections: { store: { endpoint: https://s3.eu-west-1.amazonaws.com } }")
    assert manifest(JOB + "    connections: { store: { profile: me } }\n", given).taken == ()


def test_a_secret_is_refused_by_its_name_and_never_shown() -> None:
    told = refusal_of_own(
        """
        connections:
          store:
            secret_access_key: wJalrXUtnFEMI
        """
    )
    assert f"{OWN}:4:5: error: connections.store.secret_access_key: a file of connections holds no secrets" in told
    assert "wJalrXUtnFEMI" not in told


def test_every_finding_comes_with_its_line() -> None:
    told = refusal_of_own(
        """
        connections:
          one: { regionn: x }
          two: { endpoint: "http://far.example" }
          three: { profile: me, env_prefix: ME_ }
        """
    )
    assert f"{OWN}:3:" in told
    assert "did you mean region?" in told
    assert "connections.two.endpoint: http:// is allowed on this machine only" in told
    assert "credentials come from profile or from env_prefix, not from both" in told
    assert "3 errors" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("connections: [a]", "needs a mapping"),
        ("- a", "a file of connections is a mapping"),
        ("connections: {}\njobs: {}", "unknown key"),
        ("jobs: {}", "this is not a file of connections"),
        ("connections: { a: {region: x}, a: {region: y} }", "is written twice"),
        ("connections: { a: { region: '${var.x}' } }", "no value may hold ${"),
        ("connections: { a: { endpoint: 'https://me:pass@store.example' } }", "no user name or password"),
        ("connections: { a: { endpoint: 'https://169.254.169.254' } }", "never an endpoint"),
        ("connections: { 'a b': { region: x } }", "the name needs letters"),
        ("connections: {", "never closed"),
        ("version: 2", "reads version 1"),
    ],
)
def test_what_is_refused_in_a_manifest_is_refused_here(text: str, told: str) -> None:
    assert told in refusal_of_own(text)


def test_aliases_cannot_make_it_large() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "aliases repeat more than" in refusal_of_own("\n".join(levels))


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "version: 1\n", "connections: {}\n"])
def test_a_file_may_have_no_connections(text: str) -> None:
    assert own(text).connections == {}


@pytest.mark.parametrize(("written", "meant"), [("ca.pem", "/home/me/ca.pem"), ("/etc/ca.pem", "/etc/ca.pem")])
def test_a_file_of_certificates_is_looked_for_beside_the_file_that_names_it(written: str, meant: str) -> None:
    given = own(f"connections: {{ store: {{ endpoint: https://store.example, ca_bundle: {written} }} }}")
    for loaded in (manifest(JOB, given), manifest(manifest(JOB, given).resolved)):
        assert loaded.manifest.connections["store"].ca_bundle == meant


def test_so_is_one_that_a_manifest_names() -> None:
    text = JOB + "    connections: { store: { endpoint: https://store.example, ca_bundle: ./certs/ca.pem } }\n"
    loaded = parse_manifest(dedent(text).encode(), path=Path("/jobs/job.yaml"))
    for read in (loaded, parse_manifest(loaded.resolved.encode(), path=Path("/elsewhere/job.yaml"))):
        assert read.manifest.connections["store"].ca_bundle == "/jobs/certs/ca.pem"
