"""Graph: whose token may do what, and what the answers look like."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jwt
import pytest

from sandbox import Answer
from sandbox.faults import graph
from tests.conftest import ADA, ALAN, GRACE, KATHERINE, NORA
from tests.sandbox.wire import PREFERRED, SYSTEM_PREFERRED_ENABLED, Json, Wire, resource_of

_SYSTEM = "systemPreferredAuthenticationMethod"
_READ, _WRITE = "UserAuthenticationMethod.Read", "UserAuthenticationMethod.ReadWrite"
_ADMINISTRATOR = "c4e39bd9-1100-46d3-8c65-fb160da0071f"  # Authentication Administrator
_PRIVILEGED = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"  # Privileged Authentication Administrator
_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"  # Global Reader
_HELPDESK = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
_GLOBAL = "62e90394-69f5-4237-9190-012177145e10"


async def _changed(wire: Wire, **claims: Any) -> str:
    """Ada's token signed anew by Entra with other claims; None removes one."""
    good = jwt.decode(await wire.user_token(), options={"verify_signature": False})
    return wire.sandbox.keys.entra[-1].sign({name: one for name, one in (good | claims).items() if one is not None})


def _part(part_id: str, method: str = "GET", oid: str = ADA, resource: str = "signInPreferences", **more: Any) -> Json:
    return {"id": part_id, "method": method, "url": resource_of(oid, resource), **more}


def _set(part_id: str, value: object) -> Json:
    headers = {"Content-Type": "application/json"}
    return _part(part_id, "PATCH", headers=headers, body={PREFERRED: value})


# Tokens.


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://graph.microsoft.com"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 99999999999},
        {"tid": "11111111-1111-4111-8111-111111111111"},
        {"oid": "33333333-3333-4333-8333-333333333333"},
        {"oid": None},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_is_refused(wire: Wire, claims: Json) -> None:
    """Audience, times, tenant and person of a token count, also when Entra has signed it."""
    answer = await wire.read(token=await _changed(wire, **claims))

    assert (401, "InvalidAuthenticationToken") == answer.refusal


@pytest.mark.parametrize("authorization", [None, "Basic YTpi", "Bearer", "Bearer a.b.c"])
async def test_what_is_no_token_is_refused(wire: Wire, authorization: str | None) -> None:
    """Without a token there is a 401 with a challenge and with ids, and nothing happens."""
    headers = {"Authorization": authorization} if authorization else {}
    answer = await wire.graph("PATCH", resource_of(ADA), token="", headers=headers, json={PREFERRED: "oath"})

    assert (401, "InvalidAuthenticationToken") == answer.refusal
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.headers["request-id"] == answer.json["error"]["innerError"]["request-id"]
    assert "push" == wire.person().preferences[PREFERRED]


@pytest.mark.parametrize("kind", ["foreign key", "sign-in token", "bot token"])
async def test_another_service_s_token_is_refused(wire: Wire, kind: str) -> None:
    """A token that Entra did not sign, or that was meant for somebody else, opens nothing."""
    token = {
        "foreign key": wire.sandbox.keys.channel[0].sign(
            jwt.decode(await wire.user_token(), options={"verify_signature": False})
        ),
        "sign-in token": wire.sandbox.entra.issue_sso_token(wire.person()),
        "bot token": await wire.bot_token(),
    }[kind]

    assert (401, "InvalidAuthenticationToken") == (await wire.read(token=token)).refusal


# Permissions.


@pytest.mark.parametrize(
    ("scopes", "read", "write"),
    [
        (_READ, 200, 403),
        (_WRITE, 200, 204),
        (f"{_READ}.All", 200, 403),
        (f"{_WRITE}.All", 200, 204),
        ("User.Read", 403, 403),
        (_WRITE.casefold(), 403, 403),
        (None, 403, 403),
    ],
)
async def test_one_s_own_methods_need_a_scope(wire: Wire, scopes: str | None, read: int, write: int) -> None:
    """A read scope does not write, and no scope does nothing."""
    token = await _changed(wire, scp=scopes)

    assert [read, read] == [
        (await wire.read(ADA, name, token=token)).status for name in ("methods", "signInPreferences")
    ]
    assert write == (await wire.set_default("oath", token=token)).status


@pytest.mark.parametrize(
    ("scopes", "role", "target_role", "read", "write"),
    [
        (_WRITE, _ADMINISTRATOR, None, 403, 403),
        (f"{_WRITE}.All", None, None, 403, 403),
        (f"{_WRITE}.All", _HELPDESK, None, 403, 403),
        (f"{_WRITE}.All", _GLOBAL, None, 403, 403),
        (f"{_READ}.All", _ADMINISTRATOR, None, 200, 403),
        (f"{_WRITE}.All", _READER, None, 200, 403),
        (f"{_WRITE}.All", _ADMINISTRATOR, None, 200, 204),
        (f"{_WRITE}.All", "Authentication Administrator", "Password Administrator", 200, 204),
        (f"{_WRITE}.All", _ADMINISTRATOR, _GLOBAL, 403, 403),
        (f"{_WRITE}.All", _PRIVILEGED, _GLOBAL, 200, 204),
    ],
)
async def test_other_people_need_a_scope_and_a_role(
    wire: Wire, scopes: str, role: str | None, target_role: str | None, read: int, write: int
) -> None:
    """The .All scope is nothing without a role and the reverse, and privileged people are out of an admin's reach."""
    wire.person().roles = frozenset({role} if role else ())
    wire.person(GRACE).roles = frozenset({target_role} if target_role else ())
    token = await _changed(wire, scp=scopes)

    assert read == (await wire.read(GRACE, token=token)).status
    assert read == (await wire.read(GRACE, "methods", token=token)).status
    assert write == (await wire.set_default("oath", GRACE, token=token)).status
    assert ("oath" if write == 204 else "push") == wire.person(GRACE).preferences[PREFERRED]


async def test_every_refusal_has_one_text(wire: Wire) -> None:
    """Graph does not say whether a scope, a role or the target is what stands in the way."""
    answer = await wire.read(GRACE)

    assert (403, "accessDenied") == answer.refusal
    assert "Request Authorization failed" == answer.json["error"]["message"]


async def test_an_administrator_sees_masked_numbers(wire: Wire) -> None:
    """Phone numbers of others keep two digits for an Authentication Administrator; one's own are whole."""
    wire.person().roles = frozenset({_ADMINISTRATOR})
    token = await _changed(wire, scp=f"{_READ}.All")

    async def numbers(oid: str) -> list[str]:
        rows = (await wire.read(oid, "methods", token=token)).json["value"]
        return [row["phoneNumber"] for row in rows if "phoneNumber" in row]

    assert ["+1 XXXXXXXX31", "+1 XXXXXXXX32"] == await numbers(KATHERINE)
    assert ["+1 5555550101", "+1 5555550102", "+1 5555550103"] == await numbers(ADA)


# Reading.


@pytest.mark.parametrize(
    ("oid", "expected"),
    [
        (ADA, {SYSTEM_PREFERRED_ENABLED: False, _SYSTEM: None, PREFERRED: "push"}),
        (KATHERINE, {SYSTEM_PREFERRED_ENABLED: True, _SYSTEM: "Sms", PREFERRED: "voiceMobile"}),
        (ALAN, {SYSTEM_PREFERRED_ENABLED: True, _SYSTEM: "Fido2", PREFERRED: None}),
        (NORA, {SYSTEM_PREFERRED_ENABLED: True, _SYSTEM: None}),
    ],
    ids=["set", "overruled", "null", "absent"],
)
async def test_preferences_as_they_stand(wire: Wire, oid: str, expected: Json) -> None:
    """A default may be set, overruled, null or absent altogether; the answer says just that."""
    body = (await wire.read(oid, token=await wire.user_token(oid))).json

    assert body.pop("@odata.context").endswith(f"#users('{oid}')/authentication/signInPreferences")
    assert expected == body


@pytest.mark.parametrize(
    ("oid", "kinds"),
    [
        (ADA, "password phone phone phone microsoftAuthenticator softwareOath fido2 windowsHelloForBusiness email"),
        (GRACE, "password microsoftAuthenticator"),
        (KATHERINE, "password phone phone"),
        (ALAN, "password fido2"),
        (NORA, "password"),
    ],
)
async def test_methods_are_rows_with_a_type_and_an_id(wire: Wire, oid: str, kinds: str) -> None:
    """The list has the person's rows by their OData types, with ids that differ."""
    body = (await wire.read(oid, "methods", token=await wire.user_token(oid))).json

    types = [f"#microsoft.graph.{kind}AuthenticationMethod" for kind in kinds.split()]
    assert types == [row["@odata.type"] for row in body["value"]]
    assert len(types) == len({row["id"] for row in body["value"]})
    assert {"@odata.context", "value"} == body.keys()


async def test_secrets_are_never_returned(wire: Wire) -> None:
    """Password and OATH secret are null, and Authenticator has no creation time, as in Graph."""
    rows = {row["@odata.type"]: row for row in (await wire.read(ADA, "methods")).json["value"]}

    assert rows["#microsoft.graph.passwordAuthenticationMethod"]["password"] is None
    assert rows["#microsoft.graph.softwareOathAuthenticationMethod"]["secretKey"] is None
    assert rows["#microsoft.graph.microsoftAuthenticatorAuthenticationMethod"]["createdDateTime"] is None


@pytest.mark.parametrize("query", ["$top=1", "$select=id", "%24filter=x", "x"])
async def test_the_list_of_methods_takes_no_option(wire: Wire, query: str) -> None:
    """Any query option is a bad request."""
    assert (400, "badRequest") == (await wire.graph("GET", f"{resource_of(ADA, 'methods')}?{query}")).refusal


@pytest.mark.parametrize("name", [ADA.upper(), "ada@contoso.example", "ADA@contoso.example", "ada%40contoso.example"])
async def test_a_person_has_two_names(wire: Wire, name: str) -> None:
    """Object id and user principal name are the same person, in any case and encoded or not."""
    assert "push" == (await wire.read(name)).json[PREFERRED]


@pytest.mark.parametrize("name", ["nobody@contoso.example", "33333333-3333-4333-8333-333333333333"])
async def test_an_unknown_user_is_404(wire: Wire, name: str) -> None:
    """Who does not exist can be neither read nor changed."""
    assert (404, "Request_ResourceNotFound") == (await wire.read(name)).refusal
    assert (404, "Request_ResourceNotFound") == (await wire.set_default("oath", name)).refusal


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1.0{resource_of(ADA)}"),
        ("PATCH", f"/v1.0{resource_of(ADA)}"),
        ("POST", "/v1.0/$batch"),
        ("PUT", f"/beta{resource_of(ADA)}"),
        ("DELETE", f"/beta{resource_of(ADA)}"),
        ("PATCH", f"/beta{resource_of(ADA, 'methods')}"),
        ("GET", "/beta/$batch"),
        ("GET", f"/beta/users/{ADA}"),
    ],
)
async def test_what_graph_does_not_have_is_404(wire: Wire, method: str, path: str) -> None:
    """Sign-in preferences are in beta only, and there are three operations on them."""
    url = wire.sandbox.graph_url + path
    answer = await wire.ask(method, url, token=await wire.user_token(), json={PREFERRED: "oath"})

    assert (404, "ResourceNotFound") == answer.refusal
    assert "push" == wire.person().preferences[PREFERRED]


# Changing.


@pytest.mark.parametrize(
    ("oid", "accepted"),
    [
        (ADA, {"push", "oath", "voiceMobile", "voiceAlternateMobile", "voiceOffice", "sms"}),
        (GRACE, {"push", "oath"}),
        (KATHERINE, {"voiceMobile", "voiceOffice", "sms"}),
        (ALAN, set()),
        (NORA, set()),
    ],
)
async def test_only_what_is_registered_can_be_the_default(wire: Wire, oid: str, accepted: set[str]) -> None:
    """A PATCH to a registered method is 204 without a body and stored; any other is refused and stores nothing."""
    token, values = (
        await wire.user_token(oid),
        ("push", "oath", "voiceMobile", "voiceAlternateMobile", "voiceOffice", "sms"),
    )
    taken = set()
    for value in values:
        before = wire.person(oid).preferences.get(PREFERRED)
        answer = await wire.set_default(value, oid, token=token)
        if answer.status == 204:
            taken.add(value)
            assert (b"", value) == (answer.body, wire.person(oid).preferences[PREFERRED])
        else:
            assert ((400, "badRequest"), before) == (answer.refusal, wire.person(oid).preferences.get(PREFERRED))

    assert accepted == taken


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({PREFERRED: "Push"}, (400, "badRequest")),
        ({PREFERRED: "fido2"}, (400, "badRequest")),
        ({PREFERRED: "none"}, (400, "badRequest")),
        ({PREFERRED: ""}, (400, "badRequest")),
        ({PREFERRED: None}, (400, "badRequest")),
        ({PREFERRED: ["oath"]}, (400, "badRequest")),
        ({PREFERRED: "oath", "other": 1}, (400, "badRequest")),
        ({_SYSTEM: "Sms"}, (400, "badRequest")),
        ({}, (400, "badRequest")),
        ([{PREFERRED: "oath"}], (400, "badRequest")),
        (None, (400, "badRequest")),
        ({SYSTEM_PREFERRED_ENABLED: False}, (403, "accessDenied")),
        ({SYSTEM_PREFERRED_ENABLED: False, PREFERRED: "oath"}, (403, "accessDenied")),
    ],
    ids=str,
)
async def test_a_patch_has_one_property_with_a_known_value(wire: Wire, body: Any, expected: tuple[int, str]) -> None:
    """Values are spelled as the enumeration has them, and the system-preferred switch is not for people to turn."""
    before = dict(wire.person().preferences)
    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}

    assert expected == (await wire.graph("PATCH", resource_of(ADA), data=content, headers=headers)).refusal
    assert before == wire.person().preferences


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(f'{{"{PREFERRED}": "oath"}}', "text/plain"), ("{", "application/json"), ("", "application/json")],
)
async def test_a_patch_is_declared_json(wire: Wire, content: str, content_type: str) -> None:
    """What is no JSON, or is not called so, is a bad request."""
    headers = {"Content-Type": content_type}

    assert (400, "badRequest") == (await wire.graph("PATCH", resource_of(ADA), data=content, headers=headers)).refusal


async def test_readers_may_see_the_old_default_for_a_while(wire: Wire) -> None:
    """After a change, as many reads as wanted are stale; of two changes, the value before the first stays visible."""
    wire.person().stale_reads = 2
    await wire.set_default("oath")
    await wire.read()
    await wire.set_default("sms")

    assert ["push", "push", "sms", "sms"] == [(await wire.read()).json[PREFERRED] for _ in range(4)]


# Batches.


async def test_parts_are_answered_in_reverse_with_a_status_each(wire: Wire) -> None:
    """The batch is 200 whatever its parts are; each has its own status, type and body, and the order is no help."""
    answer = await wire.batch(
        _part("a", resource="methods"),
        _part("b", oid=GRACE),
        _part("c", oid="nobody@contoso.example"),
        _set("d", "oath"),
        _set("e", "carrier pigeon"),
        _part("f", "PATCH", body={PREFERRED: "sms"}),
        {"id": "g", "method": "POST", "url": "/$batch", "body": {"requests": []}},
    )

    parts = answer.json["responses"]
    assert 200 == answer.status
    assert [("g", 404), ("f", 400), ("e", 400), ("d", 204), ("c", 404), ("b", 403), ("a", 200)] == [
        (part["id"], part["status"]) for part in parts
    ]
    assert ("body" in parts[3], "oath") == (False, wire.person().preferences[PREFERRED])
    assert {"application/json"} == {part["headers"]["Content-Type"] for part in parts if "body" in part}


@pytest.mark.parametrize(
    "requests",
    [
        [_part(str(number)) for number in range(21)],
        [_part("1"), _part("1")],
        [_part("a"), _part("A")],
        [{"id": 1, "method": "GET", "url": "/x"}],
        [{"method": "GET", "url": "/x"}],
        [_part("1"), "x"],
        [],
        None,
    ],
    ids=["21 parts", "same id", "same id but for case", "number as id", "no id", "no object", "none", "null"],
)
async def test_a_malformed_batch_is_refused_as_a_whole(wire: Wire, requests: object) -> None:
    """More than 20 parts, ids that repeat or parts that are none: 400, and nothing is done."""
    answer = await wire.graph("POST", "/$batch", json={"requests": requests})

    assert (400, "badRequest") == answer.refusal
    assert 1 == len(wire.sandbox.tenant.call_log)


async def test_twenty_parts_are_not_too_many(wire: Wire) -> None:
    """The limit itself is allowed."""
    answer = await wire.batch(*(_part(str(number)) for number in range(20)))

    assert {200} == {part["status"] for part in answer.json["responses"]}


async def test_a_part_has_no_token_of_its_own(wire: Wire) -> None:
    """The batch's token counts: a better one in a part's headers does not help, and a batch without one is 401."""
    stolen = {"Authorization": f"Bearer {await wire.user_token(GRACE)}"}

    assert (401, "InvalidAuthenticationToken") == (await wire.batch(_part("1", headers=stolen), token="")).refusal
    answer = await wire.batch(_part("1", oid=GRACE, headers=stolen))
    assert [403] == [part["status"] for part in answer.json["responses"]]


async def test_a_fault_may_meet_one_part_only(wire: Wire) -> None:
    """One part is throttled with its own Retry-After while the other is answered."""
    wire.sandbox.faults.add(graph("GET", "/methods"), Answer(429, {"Retry-After": "2.128"}))

    throttled, good = (await wire.batch(_part("1"), _part("2", resource="methods"))).json["responses"]
    assert (429, "2.128", 200) == (throttled["status"], throttled["headers"]["Retry-After"], good["status"])


# Ids and the log.


async def test_every_answer_names_itself(wire: Wire) -> None:
    """Each answer has a request id of its own, a date, and the caller's id if there is one."""
    first, second = await wire.read(), await wire.graph("GET", resource_of(ADA), headers={"client-request-id": "mine"})

    assert first.headers["request-id"] != second.headers["request-id"]
    assert (first.headers["request-id"], "mine") == tuple(one.headers["client-request-id"] for one in (first, second))
    assert "GMT" in first.headers["Date"]


async def test_the_log_has_every_call_and_no_token(wire: Wire) -> None:
    """A batch comes before its parts, each with actor, status and bodies; tokens stand nowhere, in headers neither."""
    token = await wire.user_token()
    await wire.batch(_part("1", headers={"authorization": f"Bearer {token}"}), _set("2", "oath"), token=token)
    await wire.read(token="a.b.c")

    log = list(wire.sandbox.tenant.call_log)
    batch_id, upn = log[0].id, wire.person().upn
    assert [
        ("POST", 200, upn, None),
        ("GET", 200, upn, batch_id),
        ("PATCH", 204, upn, batch_id),
        ("GET", 401, None, None),
    ] == [(call.method, call.status, call.actor, call.batch) for call in log]
    assert ({PREFERRED: "oath"}, None) == (log[2].request_body, log[2].response_body)
    assert "push" == log[1].response_body[PREFERRED]
    assert token not in str([dataclasses.asdict(call) for call in log])
    assert token not in str(wire.sandbox.faults.calls)


async def test_the_log_tells_its_listeners(wire: Wire) -> None:
    """Who subscribes hears of calls as they are made, and of none after leaving."""
    heard: list[str] = []
    leave = wire.sandbox.tenant.call_log.subscribe(lambda call: heard.append(call.method))
    await wire.read()
    leave()
    await wire.set_default("oath")

    assert ["GET"] == heard
