"""What Graph's answers mean."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import (
    GraphRefused,
    MethodRefused,
    MfaBotError,
    PersonNotFound,
    SignInNeeded,
    StepUpNeeded,
    Throttled,
    Unavailable,
    UnexpectedAnswer,
)
from bot.graph.wire import (
    METHODS,
    PREFERENCES,
    GraphAnswer,
    batch_body,
    batch_parts,
    challenge_of,
    error_of,
    preferences_of,
    state_of,
)
from bot.mfa import DefaultMethod, MethodKind, Oid

CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"},"x":"??>>~~"}}'


def challenge(encoded: str) -> str:
    """A header as in Entra's documentation."""
    return (
        f'Bearer realm="", authorization_uri="https://login.example", error="insufficient_claims", claims="{encoded}"'
    )


def encode(text: str) -> str:
    """Base64 as Entra sends it."""
    return base64.b64encode(text.encode()).decode()


def graph_error(code: object) -> Mapping[str, object]:
    """A body as in Graph's documentation of errors."""
    return {"error": {"code": code, "message": "do not show this", "innerError": {"request-id": "r"}}}


@pytest.mark.parametrize("text", [CLAIMS, CLAIMS + " ", CLAIMS + "  "], ids=["0", "1", "2"])
@pytest.mark.parametrize("padding", [True, False])
@pytest.mark.parametrize("urlsafe", [True, False])
def test_a_challenge_is_decoded(text: str, padding: bool, urlsafe: bool) -> None:
    """Base64 of either alphabet, with padding or without, becomes the JSON text that MSAL wants."""
    encoded = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(text.encode()).decode()
    assert text == challenge_of([challenge(encoded if padding else encoded.rstrip("="))])


@pytest.mark.parametrize(
    "header",
    [
        f'Bearer claims="{encode(CLAIMS)}", error="insufficient_claims"',
        f'Bearer error="insufficient_claims",claims="{encode(CLAIMS)}",realm="x"',
        f'Negotiate, Bearer realm="", error="insufficient_claims", claims="{encode(CLAIMS)}"',
    ],
)
def test_the_order_of_a_challenge_s_parameters_does_not_matter(header: str) -> None:
    """Parameters come in any order, and another scheme may share the header."""
    assert CLAIMS == challenge_of([header])


@pytest.mark.parametrize(
    "headers", list(itertools.permutations(["Negotiate", 'Bearer realm="x"', challenge(encode(CLAIMS))]))
)
def test_every_header_is_looked_at(headers: tuple[str, ...]) -> None:
    """The challenge is found behind and before other WWW-Authenticate headers."""
    assert CLAIMS == challenge_of(headers)


@pytest.mark.parametrize(
    "broken",
    [
        challenge(""),
        challenge("A"),
        challenge("!!!"),
        challenge("ä"),
        challenge(encode("not json")),
        challenge(base64.b64encode(b"\xff\xfe").decode()),
        challenge(encode("[" * 3000)),
        f'Bearer error="invalid_token", claims="{encode(CLAIMS)}"',
        'Bearer error="insufficient_claims"',
        'Bearer error="insufficient_claims", claims="eyJ',
        "",
    ],
)
def test_a_broken_challenge_is_ignored_and_the_next_one_read(broken: str) -> None:
    """What can't be decoded is no challenge, and it does not hide a good one behind it."""
    assert challenge_of([broken]) is None
    assert CLAIMS == challenge_of([broken, challenge(encode(CLAIMS))])


@pytest.mark.parametrize("text", ['"text"', "17", "null", "[1]"])
def test_claims_that_are_no_object_are_no_challenge(text: str) -> None:
    """A claims challenge is a JSON object by its documentation; MSAL fails on anything else."""
    assert challenge_of([challenge(encode(text))]) is None


@given(st.text())
def test_no_header_raises(text: str) -> None:
    """Whatever stands in a header, at worst there is no challenge."""
    found = challenge_of([challenge(text), text])
    assert found is None or isinstance(found, str)


@pytest.mark.parametrize("status", [401, 403])
def test_a_challenge_means_step_up_on_401_and_on_403(status: int) -> None:
    """A policy may surface as 403, so the challenge is looked for in both; the facts do not hold it."""
    error = error_of(GraphAnswer(status, graph_error("accessDenied"), challenges=(challenge(encode(CLAIMS)),)))
    assert isinstance(error, StepUpNeeded)
    assert CLAIMS == error.claims
    assert {"status": status, "code": "accessDenied", "request_id": None} == error.facts


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "badRequest", MethodRefused),
        (400, "Request_BadRequest", MethodRefused),
        (401, "InvalidAuthenticationToken", SignInNeeded),
        (403, "accessDenied", GraphRefused),
        (403, "Authorization_RequestDenied", GraphRefused),
        (404, "Request_ResourceNotFound", PersonNotFound),
        (404, "ResourceNotFound", PersonNotFound),
        (404, "methodNotFound", MethodRefused),
        (404, "", MethodRefused),
        (409, "conflict", MethodRefused),
        (422, "", MethodRefused),
        (429, "TooManyRequests", Throttled),
        (429, "", Throttled),
        (500, "internalServerError", Unavailable),
        (502, "", Unavailable),
        (503, "serviceNotAvailable", Unavailable),
        (504, "", Unavailable),
        (302, "", UnexpectedAnswer),
        (100, "", UnexpectedAnswer),
    ],
)
def test_each_refusal_has_its_error(status: int, code: str, expected: type[MfaBotError]) -> None:
    """Status and code decide which error it is; both and the request id are facts, Graph's message is nowhere."""
    error = error_of(GraphAnswer(status, graph_error(code), request_id="r-1"))
    assert expected is type(error)
    assert {"status": status, "code": code, "request_id": "r-1"}.items() <= error.facts.items()
    assert "do not show this" not in f"{error} {error.facts}"


@pytest.mark.parametrize(
    "body",
    [None, {}, {"error": None}, {"error": "text"}, {"error": []}, {"error": {}}, graph_error(5), graph_error(None)],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_malformed_error_body_is_an_error_without_a_code(status: int, body: Mapping[str, object] | None) -> None:
    """A body of any shape still gives the error of its status."""
    error = error_of(GraphAnswer(status, body))
    assert (status, "") == (error.facts["status"], error.facts["code"])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2.128", 2.128), ("10", 10.0), ("Sat, 01 Jan 2000 00:00:00 GMT", 0.0), (None, None), ("later", None)],
)
def test_throttling_says_when_to_come_back(header: str | None, seconds: float | None) -> None:
    """A fractional number, a date or nothing: the caller gets seconds or None."""
    error = error_of(GraphAnswer(429, retry_after=header))
    assert isinstance(error, Throttled)
    assert seconds == error.retry_after_s


def test_one_batch_asks_for_both_by_object_id() -> None:
    """Both reads are about the same object id, each under its own name."""
    expected = {
        "requests": [
            {"id": "methods", "method": "GET", "url": "/users/o-1/authentication/methods"},
            {"id": "preferences", "method": "GET", "url": "/users/o-1/authentication/signInPreferences"},
        ]
    }
    assert expected == batch_body(Oid("o-1"), [METHODS, PREFERENCES])


PARTS: list[dict[str, object]] = [
    {"id": METHODS, "status": 200, "body": {"value": []}},
    {"id": PREFERENCES, "status": 429, "headers": {"Retry-After": "3", "request-id": "r-2"}, "body": graph_error("x")},
]


@pytest.mark.parametrize("parts", list(itertools.permutations(PARTS)))
def test_the_parts_of_a_batch_come_in_any_order(parts: tuple[dict[str, object], ...]) -> None:
    """Each part has its own status and headers, whatever the order."""
    found = batch_parts(GraphAnswer(200, {"responses": list(parts)}))
    assert (200, 429, "3", "r-2") == (
        found[METHODS].status,
        found[PREFERENCES].status,
        found[PREFERENCES].retry_after,
        found[PREFERENCES].request_id,
    )


def test_a_challenge_inside_a_batch_is_found() -> None:
    """A part may be refused with a challenge while the batch itself is 200; header names are in any case."""
    part = {"id": METHODS, "status": 401, "headers": {"WWW-Authenticate": challenge(encode(CLAIMS))}}
    error = error_of(batch_parts(GraphAnswer(200, {"responses": [part]}))[METHODS])
    assert isinstance(error, StepUpNeeded)
    assert CLAIMS == error.claims


@pytest.mark.parametrize(
    "body", [None, {}, {"responses": None}, {"responses": {}}, {"responses": "x"}, graph_error("x")]
)
def test_an_answer_without_parts_is_unexpected(body: Mapping[str, object] | None) -> None:
    """What is no batch is told as such, with its status."""
    with pytest.raises(UnexpectedAnswer) as caught:
        batch_parts(GraphAnswer(200, body))
    assert 200 == caught.value.facts["status"]


@pytest.mark.parametrize(
    "odd", [None, 5, "x", [], {}, {"id": METHODS}, {"id": METHODS, "status": "200"}, {"id": METHODS, "status": None}]
)
def test_an_odd_part_is_left_out(odd: object) -> None:
    """A part without a status is as if it had not come; the others count."""
    assert [PREFERENCES] == list(batch_parts(GraphAnswer(200, {"responses": [odd, PARTS[1]]})))


@pytest.mark.parametrize(
    "extra", [{"headers": None}, {"headers": []}, {"headers": {"Retry-After": 4}}, {"body": "x"}, {}]
)
def test_a_part_with_odd_headers_or_body_is_read(extra: dict[str, object]) -> None:
    """Headers that are no object are none, and a body that is no object is None."""
    answer = batch_parts(GraphAnswer(200, {"responses": [{"id": "1", "status": 204, **extra}]}))["1"]
    assert (204, None) == (answer.status, answer.body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "status", "headers", "body", "responses", "value", "error"]), inner)
    ),
    max_leaves=10,
)


@example({"responses": [{"id": [], "status": True}]})
@given(st.dictionaries(st.sampled_from(["responses", "value", "error"]), JSON))
def test_no_body_raises_anything_but_unexpected_answer(body: dict[str, object]) -> None:
    """JSON of any shape is a batch, a state, or UnexpectedAnswer."""
    answer = GraphAnswer(200, body)
    for read in (batch_parts, lambda given: state_of(given, given)):
        try:
            read(answer)
        except UnexpectedAnswer:
            continue


def test_the_state_of_two_good_answers() -> None:
    """Methods and preferences together are the state."""
    row = {"@odata.type": "#microsoft.graph.phoneAuthenticationMethod", "phoneType": "mobile", "id": "p"}
    state = state_of(
        GraphAnswer(200, {"value": [row]}),
        GraphAnswer(200, {"userPreferredMethodForSecondaryAuthentication": "sms"}),
    )
    assert (DefaultMethod.SMS, [MethodKind.PHONE]) == (state.default, [method.kind for method in state.methods])


@pytest.mark.parametrize("body", [None, {}, {"value": None}, {"value": {}}, {"value": [None]}, {"value": [{}, "x"]}])
def test_a_list_of_methods_that_is_none_is_unexpected(body: Mapping[str, object] | None) -> None:
    """Half a list of methods is not shown as the whole."""
    with pytest.raises(UnexpectedAnswer):
        state_of(GraphAnswer(200, body), GraphAnswer(200, {}))


def test_preferences_that_are_no_object_are_unexpected() -> None:
    """An unreadable answer is not taken for 'nothing was ever set'."""
    with pytest.raises(UnexpectedAnswer):
        preferences_of(GraphAnswer(200, None))
    assert preferences_of(GraphAnswer(200, {})).default is None
