"""The checker of the contract: what it lets pass, and what it catches."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.contract import slice as cut
from tests.contract.checker import ALLOWED, Contract, Exchange, Violation, check
from tests.contract.description import Description, github, problems

LABEL = {
    "id": 1,
    "node_id": "L_1",
    "url": "http://127.0.0.1/api/v3/repos/lab/taxonomy/labels/knowledge",
    "name": "knowledge",
    "description": None,
    "color": "0e8a16",
    "default": False,
}
LABELS = "/repos/lab/taxonomy/labels"


def exchange(method: str, path: str, **given: Any) -> list[str]:
    """What the checker says of an exchange; bodies as JSON values."""
    for name in ("request_body", "response_body"):
        if name in given and not isinstance(given[name], bytes | None):
            given[name] = json.dumps(given[name]).encode()
    return [str(violation) for violation in check(Exchange(method, path, **given))]


def test_a_good_exchange_passes():
    assert exchange("GET", LABELS, query="per_page=100&page=2", response_body=[LABEL]) == []
    new = {"name": "knowledge", "color": "0e8a16"}
    assert exchange("POST", LABELS, request_body=new, status=201, response_body=LABEL) == []


@pytest.mark.parametrize(
    ("method", "path", "given", "said"),
    [
        ("GET", "/repos/lab/taxonomy/leaves", {}, "GET /repos/lab/taxonomy/leaves: path: no such path"),
        ("DELETE", LABELS, {"status": 204}, f"DELETE {LABELS}: path: only GET, POST here"),
        (
            "GET",
            LABELS,
            {"response_body": [{k: v for k, v in LABEL.items() if k != "node_id"}]},
            'issues/list-labels-for-repo: response 200 [0]: "node_id" is a required property',
        ),
        (
            "GET",
            LABELS,
            {"response_body": [{**LABEL, "id": "1"}]},
            'issues/list-labels-for-repo: response 200 [0].id: "1" is not of type "integer"',
        ),
        (
            "GET",
            LABELS,
            {"response_body": [{**LABEL, "url": "/labels/knowledge"}]},
            'issues/list-labels-for-repo: response 200 [0].url: "/labels/knowledge" is not a "uri"',
        ),
        (
            "GET",
            LABELS,
            {"query": "color=red", "response_body": []},
            "issues/list-labels-for-repo: query color: GitHub has no such parameter here",
        ),
        (
            "GET",
            LABELS,
            {"query": "page=last", "response_body": []},
            "issues/list-labels-for-repo: query page: 'last': ",
        ),
        (
            "GET",
            LABELS,
            {"status": 202, "response_body": []},
            "issues/list-labels-for-repo: response 202: not a documented status; 200, 404 are",
        ),
        (
            "POST",
            LABELS,
            {"request_body": {"color": "0e8a16"}, "status": 201, "response_body": LABEL},
            'issues/create-label: request body: "name" is a required property',
        ),
        (
            "POST",
            LABELS,
            {"request_body": b"name=knowledge", "status": 201, "response_body": LABEL},
            "issues/create-label: request body: not JSON",
        ),
        (
            "POST",
            LABELS,
            {"status": 201, "response_body": LABEL},
            "issues/create-label: request body: missing",
        ),
        (
            "GET",
            "/repos/lab/taxonomy/issues/seven",
            {"status": 301, "response_body": {}},
            "issues/get: path issue_number: 'seven': ",
        ),
    ],
)
def test_it_catches(method, path, given, said):
    violations = exchange(method, path, **given)
    assert len(violations) == 1
    assert violations[0].startswith(said)


def test_of_several_alternatives_the_nearest_one_speaks():
    file = {"type": "file", "name": "qna.yaml", "path": "qna.yaml"}
    violations = exchange("GET", "/repos/lab/taxonomy/contents/qna.yaml", response_body=file)
    assert 'repos/get-content: response 200: "encoding" is a required property' in violations


def test_refusals_and_faults_may_follow_every_request_and_say_why():
    for status in (400, 401, 403, 404, 422, 429, 500, 502, 503):
        assert exchange("GET", "/user", status=status, response_body={"message": "no"}) == []
        assert exchange("GET", "/user", status=status, response_body={}) != []


def test_what_the_server_refused_is_not_held_against_the_client():
    refusal = {"message": "Validation Failed", "documentation_url": "", "errors": []}
    assert exchange("POST", LABELS, request_body={"name": 7}, status=422, response_body=refusal) == []


def test_not_modified_answers_only_who_asked():
    asked = {"if-none-match": '"abc"'}
    assert exchange("GET", LABELS, request_headers=asked, status=304) == []
    assert exchange("GET", LABELS, status=304) != []
    assert exchange("GET", LABELS, request_headers=asked, status=304, response_body=[]) != []


def test_no_content_means_none():
    assert exchange("DELETE", f"{LABELS}/knowledge", status=204) == []
    assert exchange("DELETE", f"{LABELS}/knowledge", status=204, response_body={}) != []


def test_head_is_get_without_the_body():
    assert exchange("HEAD", LABELS) == []


def test_paths_with_slashes_and_the_root_of_the_contents():
    operation, values = github().find("GET", "/repos/lab/taxonomy/contents/taxonomy/a%20b/qna.yaml")
    assert operation is not None
    assert (operation.name, values["path"]) == ("repos/get-content", "taxonomy/a b/qna.yaml")
    literal, _ = github().find("GET", "/repos/lab/taxonomy/issues/comments")
    assert literal is not None
    assert literal.name == "issues/list-comments-for-repo"
    assert exchange("GET", "/repos/lab/taxonomy/contents/", response_body=[]) == []


def test_labels_may_be_added_as_a_bare_array_as_the_prose_says():
    issue = "/repos/lab/taxonomy/issues/1/labels"
    assert exchange("POST", issue, request_body=["knowledge"], response_body=[LABEL]) == []
    assert exchange("POST", issue, request_body={"labels": "knowledge"}, response_body=[LABEL]) != []
    assert all(allowed.reason for allowed in ALLOWED)


def test_a_body_that_is_not_json_passes_only_if_it_was_asked_for():
    path = "/repos/lab/taxonomy/contents/qna.yaml"
    raw = {"accept": "application/vnd.github.raw+json"}
    assert exchange("GET", path, request_headers=raw, response_body=None) == []
    assert exchange("GET", path, response_body=None) != []


def serve(report: list[Violation]) -> TestClient:
    """A small GitHub that answers well, badly, and outside of the API."""

    async def labels(request: Request) -> Response:
        await request.body()
        return JSONResponse(
            [LABEL] if request.method == "GET" else {"name": 1}, 200 if request.method == "GET" else 201
        )

    routes = [
        Route("/api/v3/repos/{owner}/{repo}/labels", labels, methods=["GET", "POST"]),
        Route("/lab/taxonomy", lambda request: PlainTextResponse("a page")),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Contract, report=report)]))


def test_the_middleware_reports_and_changes_nothing():
    report: list[Violation] = []
    client = serve(report)
    assert client.get(f"/api/v3{LABELS}").json() == [LABEL]
    assert client.get("/lab/taxonomy").text == "a page"
    assert report == []
    answer = client.post(f"/api/v3{LABELS}", json={"name": "x"})
    assert (answer.status_code, answer.json()) == (201, {"name": 1})
    assert Violation("issues/create-label", "response 201 name", '1 is not of type "string"') in report


def test_a_test_that_violates_the_contract_fails_and_says_where(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONPATH", str(cut.HERE.parent.parent))
    pytester.makeconftest('pytest_plugins = ["tests.contract.plugin"]')
    pytester.makepyfile(
        """
        from tests.contract.checker import Violation
        from tests.contract.plugin import VIOLATIONS

        def test_talks():
            VIOLATIONS.extend([Violation("pulls/get", "response 200 head", "wrong")] * 2)

        def test_is_silent():
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*GitHub's contract is violated:*", "*pulls/get: response 200 head: wrong (2x)*"]
    )


def test_every_reference_of_the_slice_leads_somewhere():
    document = json.loads(cut.OPENAPI_FILE.read_text())
    assert cut.closure(document["paths"], document).keys() == {
        f"#/components/{kind}/{name}" for kind, items in document["components"].items() for name in items
    }


def test_the_slice_keeps_fields_named_like_words_of_the_schema_language():
    schema = {
        "title": "A",
        "description": "for people",
        "properties": {"title": {"type": "string", "example": "x"}},
    }
    assert cut.prune(schema) == {"properties": {"title": {"type": "string"}}}


def test_a_null_is_allowed_where_the_description_says_so():
    description = Description({"openapi": "3.0.3", "paths": {}, "components": {"schemas": {}}})
    validator = description.validator({"type": "string", "enum": ["a"], "nullable": True})
    assert [list(problems(validator, value)) == [] for value in ("a", None, "b")] == [True, True, False]
    with pytest.raises(ValueError, match=r"OpenAPI 3\.1"):
        Description({"openapi": "3.1.0", "paths": {}, "components": {"schemas": {}}})


def test_the_vendored_data_is_small_and_licensed():
    vendored = [*cut.HERE.glob("*.json"), *cut.PAYLOADS.glob("*.json")]
    assert sum(path.stat().st_size for path in vendored) < 1_500_000
    for folder in (cut.HERE, Path(cut.PAYLOADS)):
        assert "MIT License Copyright (c) 2020 Octokit contributors" in (folder / "LICENSE").read_text()
