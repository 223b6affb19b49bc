"""Every error of the bot, in one tree. Each has a sentence for the person and one for the log.

    MfaBotError
    ├── SettingsError             the operator must complete the settings; the bot does not start
    ├── ChannelError              a request to /api/messages that is not a turn; carries the HTTP status
    ├── SignInError               no token for this person and these scopes
    │   ├── SignInNeeded          nobody has asked Teams yet, or the token has expired: ask silently
    │   ├── StepUpNeeded          Entra or Graph wants a fresh MFA from the person
    │   ├── StepUpInVain          ... and wants it again after it was given
    │   ├── SignInOver            the page belongs to a sign-in that nobody waits for (any more)
    │   ├── SignInCancelled       the person has closed or declined Entra's page
    │   ├── ConsentMissing        an administrator must grant the bot's permissions
    │   ├── SignInBlocked         a policy forbids it; asking again changes nothing
    │   │   ├── DeviceNotTrusted  ... from this device
    │   │   ├── PlaceNotTrusted   ... from this place
    │   │   └── NotAssigned       ... for people who are not assigned to the app
    │   ├── SignInRefused         the token that came is not good: forged, for another app
    │   │   └── AssertionExpired  ... or too old: Teams can give another one
    │   ├── WrongPerson           token and sender are not the same person
    │   │   └── OtherAccount      ... on the sign-in page
    │   ├── SenderUnknown         Teams names no directory id: an anonymous user
    │   ├── NotAMember            a guest, or somebody of another organisation
    │   ├── AppNotFound           Teams does not find the app that it should sign in to
    │   └── BotMisconfigured      the bot's own credential or registration is wrong
    ├── UpstreamError             Entra, Graph or the connector could not do it now
    │   ├── Throttled             ... and says when to come back
    │   ├── Unavailable           ... outage, time-out, broken connection
    │   ├── UnexpectedAnswer      ... an answer that is not of the documented shape
    │   └── ResultUnreadable      ... after Graph was asked for a change: what came of it can't be read now
    ├── GraphRefused              Graph answered 403 for good
    ├── PersonNotFound            Graph knows no such person
    ├── MethodRefused             Graph does not accept this method for this person
    ├── StoreUnavailable          the database cannot be reached; nothing is changed without it
    │   └── StoreInUse            ... an SQLite file that another instance of the bot uses
    ├── NotBegun                  the records do not let this change begin; Graph was not asked
    │   ├── AlreadyBegun          ... this very wish was begun before
    │   ├── ChangeUnderWay        ... another change for the same person has not ended yet
    │   └── TooManyChanges        ... the limit of changes within an hour is reached
    └── ActionRejected            a button that was not made for this person, or not by us

``user_sentence`` is a message id of the catalog; ``str(error)`` is the sentence for the log. ``facts`` go to the
log as fields of their own and never hold a token, a claim or a phone number.
"""

from __future__ import annotations

from typing import ClassVar

from bot.locale import N_

__all__ = [
    "ActionRejected",
    "AlreadyBegun",
    "AppNotFound",
    "AssertionExpired",
    "BotMisconfigured",
    "ChangeUnderWay",
    "ChannelError",
    "ConsentMissing",
    "DeviceNotTrusted",
    "GraphRefused",
    "MethodRefused",
    "MfaBotError",
    "NotAMember",
    "NotAssigned",
    "NotBegun",
    "OtherAccount",
    "PersonNotFound",
    "PlaceNotTrusted",
    "ResultUnreadable",
    "SenderUnknown",
    "SettingsError",
    "SignInBlocked",
    "SignInCancelled",
    "SignInError",
    "SignInNeeded",
    "SignInOver",
    "SignInRefused",
    "StepUpInVain",
    "StepUpNeeded",
    "StoreInUse",
    "StoreUnavailable",
    "Throttled",
    "TooManyChanges",
    "Unavailable",
    "UnexpectedAnswer",
    "UpstreamError",
    "WrongPerson",
]

Fact = str | int | float | None


class MfaBotError(Exception):
    """Root of the tree. ``facts`` are what the log needs beside the sentence."""

    user_sentence: ClassVar[str] = N_("Something went wrong on my side. Nothing was changed.")
    log_sentence: ClassVar[str] = "unexpected error"
    alert: ClassVar[bool] = False
    """True where the operator must act: the log entry is an error, not a warning."""

    def __init__(self, detail: str = "", /, **facts: Fact) -> None:
        super().__init__(f"{self.log_sentence}: {detail}" if detail else self.log_sentence)
        self.facts = facts


class SettingsError(MfaBotError):
    """Settings are missing or wrong. ``str()`` names every one of them."""

    log_sentence = "the settings are not complete"
    alert = True


class ChannelError(MfaBotError):
    """A request to /api/messages that is refused with ``status`` (400, 401, 403, 413, 415 or 503)."""

    log_sentence = "request refused"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail, status=status)
        self.status = status
        self.reason = detail


class SignInError(MfaBotError):
    """There is no usable token for this person."""

    user_sentence = N_("I could not sign you in. Nothing was changed.")
    log_sentence = "sign-in failed"


class SignInNeeded(SignInError):
    """No token in memory; Teams can give one silently."""

    user_sentence = N_("I need to sign you in again. Please send your message once more.")
    log_sentence = "no token in memory"


class StepUpNeeded(SignInError):
    """Entra or Graph asks for a fresh sign-in. ``claims`` is the challenge as a JSON string, or None.

    ``fresh`` is True where nothing was said about what is missing, and a new sign-in is tried once.
    """

    user_sentence = N_("Microsoft wants you to confirm your identity first. Nothing was changed.")
    log_sentence = "a fresh sign-in is asked for"

    def __init__(self, detail: str = "", /, *, claims: str | None = None, fresh: bool = False, **facts: Fact) -> None:
        super().__init__(detail, **facts)
        self.claims = claims
        self.fresh = fresh


class StepUpInVain(SignInError):
    """A second challenge for the same command, right after the person has signed in for the first one."""

    user_sentence = N_(
        "You have just confirmed your identity, but Microsoft asks for more. So I stop here, and nothing was changed. "
        "You can change your default method yourself on the Security info page."
    )
    log_sentence = "a fresh sign-in was not enough"
    alert = True


class SignInOver(SignInError):
    """A sign-in page that is too old, was used before, or whose command has been carried out."""

    user_sentence = N_(
        "This sign-in is over: it was used already, or its ten minutes have passed. Go back to Teams and send your "
        "message once more."
    )
    log_sentence = "nobody waits for this sign-in"


class SignInCancelled(SignInError):
    """AADSTS65004, or the way back from Entra's page."""

    user_sentence = N_(
        "You have cancelled the sign-in, so nothing was changed. To sign in after all, press the button in Teams again."
    )
    log_sentence = "the sign-in was cancelled"


class ConsentMissing(SignInError):
    """AADSTS65001 on scopes that only an administrator can grant."""

    user_sentence = N_(
        "Your organisation has not yet allowed me to manage sign-in methods. Please tell your IT administrator that "
        "the bot needs admin consent for its Microsoft Graph permissions. Nothing was changed."
    )
    log_sentence = "admin consent is missing"
    alert = True


class SignInBlocked(SignInError):
    """Conditional Access or another policy blocks the sign-in (AADSTS53003 and its kin)."""

    user_sentence = N_(
        "A policy of your organisation does not let you sign in to me from this place or device. Your IT administrator "
        "can tell you more. Nothing was changed."
    )
    log_sentence = "sign-in is blocked by policy"


class DeviceNotTrusted(SignInBlocked):
    """AADSTS53000 to 53002: the device has to be known to the organisation, or kept as it prescribes."""

    user_sentence = N_(
        "Your organisation lets you sign in to me only from a device that it manages. Try it on your work computer. "
        "Nothing was changed."
    )
    log_sentence = "sign-in needs a managed device"


class PlaceNotTrusted(SignInBlocked):
    """AADSTS53010: security information may be changed only from certain places or devices."""

    user_sentence = N_(
        "Your organisation lets you change sign-in methods only from certain places or devices, for example in the "
        "office. Nothing was changed."
    )
    log_sentence = "sign-in methods may be changed only from certain places"


class NotAssigned(SignInBlocked):
    """AADSTS50105: the app is only for people who are assigned to it."""

    user_sentence = N_(
        "Your organisation has not given you access to me. Your IT administrator can do that. Nothing was changed."
    )
    log_sentence = "the person is not assigned to the application"


class SignInRefused(SignInError):
    """The token that Teams sent is forged, or meant for somebody else's app; or Entra does not take what we sent."""

    user_sentence = N_("The sign-in from Teams was not valid. Please send your message once more. Nothing was changed.")
    log_sentence = "the single sign-on token is not valid"


class AssertionExpired(SignInRefused):
    """AADSTS500133 and its kin: Teams has sent a token from its memory that is too old; it can give another one."""

    log_sentence = "the single sign-on token has expired"


class WrongPerson(SignInError):
    """``oid`` or ``tid`` of the token are not those of the sender."""

    user_sentence = N_("The sign-in came from a different account from the one in this chat. Nothing was changed.")
    log_sentence = "token and sender are not the same person"
    alert = True


class OtherAccount(WrongPerson):
    """The right person has begun the sign-in, but another account has signed in on Entra's page."""

    user_sentence = N_(
        "You signed in with a different account from the one in this chat, so nothing was changed. Please press the "
        "button again and choose the account that you use here."
    )
    log_sentence = "another account has signed in on the page"
    alert = False


class SenderUnknown(SignInError):
    """The activity has no directory id of its sender, as may be for guests and anonymous users."""

    user_sentence = N_("Teams does not tell me who you are. I can only help members of this organisation.")
    log_sentence = "the sender has no directory id"


class NotAMember(SignInError):
    """A guest of the tenant, or somebody of another one: their methods are registered elsewhere."""

    user_sentence = N_(
        "I can only help members of this organisation. Your sign-in methods belong to your own organisation; you can "
        "change them there, on its Security info page."
    )
    log_sentence = "the person is not a member of the tenant"


class AppNotFound(SignInError):
    """Teams could not find or install the app when it was to sign the person in."""

    user_sentence = N_(
        "Teams can't find my app for you, so it can't sign you in. Please remove me from Teams, add me again, and send "
        "your message once more. Nothing was changed."
    )
    log_sentence = "Teams does not find the app"


class BotMisconfigured(SignInError):
    """Secret, certificate, audience or registration of the bot are wrong. Only the operator can mend it."""

    user_sentence = N_("I am not set up correctly, and only the people who run me can fix it. Nothing was changed.")
    log_sentence = "Entra does not accept the bot's own registration"
    alert = True


class UpstreamError(MfaBotError):
    """A service of Microsoft's could not do it now; later it may."""

    user_sentence = N_("Microsoft is not answering right now. Please try again in a minute. Nothing was changed.")
    log_sentence = "upstream trouble"


class Throttled(UpstreamError):
    """429 after all retries. ``retry_after_s`` is in seconds, None when the service did not say."""

    user_sentence = N_("Microsoft is getting too many requests. Please try again in a minute. Nothing was changed.")
    log_sentence = "throttled"

    def __init__(self, detail: str = "", /, *, retry_after_s: float | None = None, **facts: Fact) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, **facts)
        self.retry_after_s = retry_after_s


class Unavailable(UpstreamError):
    """Outage, time-out, refused or broken connection."""

    log_sentence = "service unavailable"


class UnexpectedAnswer(UpstreamError):
    """An answer that is not of the documented shape. ``facts['status']`` is its HTTP status."""

    user_sentence = N_("Microsoft's answer was not what I expected. Nothing was changed. Please try again later.")
    log_sentence = "unexpected answer"
    alert = True


class ResultUnreadable(UpstreamError):
    """A repeated press: the change was asked for before, and Graph can't be read now. So no word of "nothing"."""

    user_sentence = N_(
        "I have asked Microsoft for this already, but I can't check the result right now. Please look again in a "
        "minute."
    )
    log_sentence = "the result of an earlier change can't be read"


class GraphRefused(MfaBotError):
    """Graph answered 403 without a challenge, also after a fresh sign-in; the cause can't be told from the answer."""

    user_sentence = N_(
        "Your organisation's settings do not let me do this for your account. Nothing was changed. You can change "
        "your default method yourself on the Security info page."
    )
    log_sentence = "Graph refused"


class PersonNotFound(MfaBotError):
    """Graph knows no such person."""

    user_sentence = N_("Microsoft could not find your account. Nothing was changed.")
    log_sentence = "Graph knows no such person"


class MethodRefused(MfaBotError):
    """Graph refused the PATCH with a 4xx: not registered after all, or not allowed by a policy."""

    user_sentence = N_(
        "Microsoft did not accept this method for you. Perhaps it is not registered any more, or your organisation "
        "does not allow it. Nothing was changed."
    )
    log_sentence = "Graph did not accept the method"


class StoreUnavailable(MfaBotError):
    """The database can't be reached. Without a record of the intent nothing is changed."""

    user_sentence = N_(
        "I can't save my records right now, and without them I change nothing. Please try again in a few minutes."
    )
    log_sentence = "the database is not available"
    alert = True


class StoreInUse(StoreUnavailable):
    """Two instances on one SQLite file would not see each other's work in time."""

    log_sentence = "another instance of the bot uses this SQLite file; several instances need PostgreSQL"


class NotBegun(MfaBotError):
    """A change that was not begun, by what is on record. Graph was not asked."""

    user_sentence = N_("I have not begun this change, so nothing was changed.")
    log_sentence = "the change was not begun"


class AlreadyBegun(NotBegun):
    """The same message or card has begun a change before."""

    log_sentence = "this wish was begun before"


class ChangeUnderWay(NotBegun):
    """Another change for the same person has not ended yet, perhaps in another instance."""

    log_sentence = "another change for this person is under way"


class TooManyChanges(NotBegun):
    """``limit`` changes were begun within the hour; the next one may be in ``wait_s`` seconds."""

    log_sentence = "too many changes within an hour"

    def __init__(self, detail: str = "", /, *, limit: int = 0, wait_s: float = 0.0) -> None:
        super().__init__(detail, limit=limit, wait_s=round(wait_s))
        self.limit = limit
        self.wait_s = wait_s


class ActionRejected(MfaBotError):
    """A button's id that we did not make, or not for this person."""

    user_sentence = N_("I don't know this button. Nothing was changed.")
    log_sentence = "card action rejected"
