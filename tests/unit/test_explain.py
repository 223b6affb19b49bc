"""What errors become for people, and what failures mean that Teams reports."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from bot import errors
from bot.commands import Command, Press, SetDefault, Show
from bot.errors import (
    AppNotFound,
    BotMisconfigured,
    ConsentMissing,
    MfaBotError,
    SignInBlocked,
    SignInError,
    StepUpNeeded,
    StoreUnavailable,
    Unavailable,
    UpstreamError,
)
from bot.identity import SELF_SCOPES
from bot.mfa import DefaultMethod
from bot.replies import ConsentWanted, TroubleReply
from bot.settings import load_settings
from bot.teams import Explainer
from bot.teams.sign_in import reported_failure

CONTACT = "https://help.contoso.example/mfa"
CONSENT = ConsentWanted(("User.Read",), "https://login.example/adminconsent")
WANTED: Command = SetDefault(DefaultMethod.SMS)
EXPLAINER = Explainer(CONTACT, CONSENT)


def tree(root: type[MfaBotError] = MfaBotError) -> Iterator[type[MfaBotError]]:
    """``root`` and all of ours that derive from it."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


CLASSES = [found for found in tree() if found.__module__ == errors.__name__ and found is not errors.ChannelError]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_becomes_its_sentence_with_a_reference(
    error: type[MfaBotError], capsys: pytest.CaptureFixture[str]
) -> None:
    """The person hears the class's own sentence; the reference leads to the entry in the log, which has the detail."""
    reply = EXPLAINER.trouble(error("the detail"), WANTED)

    assert error.user_sentence == reply.sentence
    assert 8 == len(reply.reference)
    logged = [line for line in capsys.readouterr().out.splitlines() if reply.reference in line]
    assert 1 == len(logged)
    assert "the detail" in logged[0]


@pytest.mark.parametrize("error", CLASSES)
def test_only_what_may_pass_can_be_tried_again(error: type[MfaBotError]) -> None:
    """A button to try again stands where waiting may help: an outage, throttling, the database; not at a refusal."""
    may_pass = issubclass(error, (UpstreamError, StoreUnavailable))

    assert (WANTED if may_pass else None) == EXPLAINER.trouble(error(), WANTED).retry
    assert None is EXPLAINER.trouble(error()).retry


@pytest.mark.parametrize("error", CLASSES)
def test_who_is_sent_where(error: type[MfaBotError]) -> None:
    """Who can't change their default here is sent to the page, and to the helpdesk where somebody has to allow it."""
    reply = EXPLAINER.trouble(error(), WANTED)
    on_the_page = error in {errors.GraphRefused, errors.MethodRefused, errors.StepUpInVain}
    at_the_helpdesk = error in {errors.GraphRefused, errors.StepUpInVain} or issubclass(error, SignInBlocked)

    assert (on_the_page, CONTACT if at_the_helpdesk else "") == (reply.security_info, reply.contact)
    assert (CONSENT if error is ConsentMissing else None) == reply.consent


def test_without_a_helpdesk_nobody_is_sent_there() -> None:
    """The setting may be empty."""
    assert "" == Explainer("", CONSENT).trouble(errors.GraphRefused()).contact


def test_what_was_pressed_is_tried_again_by_the_same_button() -> None:
    """The id goes along, so that it stays one wish."""
    assert Press("opaque") == EXPLAINER.trouble(Unavailable("Graph"), Press("opaque")).retry


def test_what_nobody_foresaw_claims_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither that something was changed nor that nothing was; the trace is in the log under the reference."""
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        reply = EXPLAINER.unforeseen(error)

    assert "I can't say how far I got" in reply.sentence
    assert TroubleReply(reply.sentence, reply.reference) == reply
    logged = capsys.readouterr().out
    assert [True, True] == [part in logged for part in (reply.reference, "ZeroDivisionError")]


@pytest.mark.parametrize(
    ("cloud", "login", "graph"),
    [
        ("public", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        ("usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
    ],
)
def test_the_page_for_consent_asks_for_what_the_bot_uses(cloud: str, login: str, graph: str) -> None:
    """The tenant, the bot, the very scopes that it asks for, in the tenant's cloud, and back to our own page."""
    tenant, bot = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    settings = load_settings(
        app_id=bot, tenant_id=tenant, client_secret="s", public_url="https://bot.example", cloud=cloud,
        helpdesk_contact=CONTACT,
    )  # fmt: skip
    explainer = Explainer.of(settings)
    parts = urlsplit(explainer.consent.url)
    query = parse_qs(parts.query, strict_parsing=True)

    assert CONTACT == explainer.contact
    assert tuple(sorted(SELF_SCOPES)) == explainer.consent.permissions
    assert f"{login}/{tenant}/v2.0/adminconsent" == f"{parts.scheme}://{parts.netloc}{parts.path}"
    assert {
        "client_id": [bot],
        "scope": [" ".join(f"{graph}/{scope}" for scope in sorted(SELF_SCOPES))],
        "redirect_uri": ["https://bot.example/auth/callback"],
    } == query


# Failures that Teams reports


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # Only the person can help, on the page.
        ("tokenmissing", StepUpNeeded),
        ("userconsentrequired", StepUpNeeded),
        ("interactionrequired", StepUpNeeded),
        # Only the operator can help.
        ("resourcematchfailed", BotMisconfigured),
        ("oauthcardnotvalid", BotMisconfigured),
        ("installappfailed", AppNotFound),
        ("installedappnotfound", AppNotFound),
        # It may pass.
        ("invokeerror", Unavailable),
        ("authrequestfailed", Unavailable),
        ("brandnew", SignInError),
        ("", SignInError),
    ],
)
def test_what_a_reported_failure_means(code: str, expected: type[MfaBotError]) -> None:
    """Each code is the error of whoever can do something about it, and goes to the log."""
    error = reported_failure({"code": code, "message": "ann@contoso.example can't sign in"})

    assert expected is type(error)
    assert code == error.facts["code"]
    assert "ann@" not in f"{error} {error.facts}"


@pytest.mark.parametrize(
    "value", [None, "tokenmissing", [], {}, {"code": None}, {"code": 5}, {"code": ["tokenmissing"]}]
)
def test_a_failure_of_an_unknown_shape_is_one(value: object) -> None:
    """Whatever a client sends, the person hears that they could not be signed in."""
    assert SignInError is type(reported_failure(value))


def test_what_a_client_sends_does_not_fill_the_log() -> None:
    """A code of any length is cut."""
    assert "x" * 64 == reported_failure({"code": "x" * 10_000}).facts["code"]


def test_a_look_may_be_tried_again() -> None:
    """Also what changes nothing has its button."""
    assert Show() == EXPLAINER.trouble(Unavailable("Graph"), Show()).retry
