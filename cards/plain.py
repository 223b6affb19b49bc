"""The plain cards: welcome, help, greeting, not understood, trouble, working, and the like."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import Texts
from bot.replies import ForSomebodyElseReply, GreetingReply, InterruptedReply, NotUnderstoodReply, SignedOutReply
from cards.elements import Card, ExecuteAction, OpenUrlAction, TextBlock, escape
from cards.state import REFRESH_VERB
from cards.words import SECURITY_INFO_URL, short_name

__all__ = [
    "cancelled_card",
    "for_somebody_else_card",
    "greeting_card",
    "help_card",
    "interrupted_card",
    "not_understood_card",
    "signed_out_card",
    "welcome_card",
    "who_card",
    "working_card",
]


def welcome_card(texts: Texts, lang: str) -> Card:
    """Shown once, when the bot is installed. It asks for nothing."""
    _ = texts.gettext
    return _card(
        _("Hello, I look after your default sign-in method"),
        [
            _(
                "When you sign in, Microsoft may ask for a second proof: a notification, a code, a call. I show you "
                "which ones you have registered and make the one you like best your default."
            ),
            _("Your administrator has to allow me to do that once. I act only for you, and only when you ask."),
            _("Try **show my methods** or **set my default MFA to oath**."),
        ],
        lang,
        [_show_button(texts)],
    )


def greeting_card(reply: GreetingReply, texts: Texts, lang: str) -> Card:
    """An answer to small talk."""
    _ = texts.gettext
    text = _("I show and change your default sign-in method. Write **show my methods**, or **help** for more.")
    if reply.kind == "thanks":
        return _card(_("You are welcome"), [_("I am here when you need me again.")], lang, [_show_button(texts)])
    if reply.kind == "robot":
        return _card(_("I am a bot"), [_("No person reads this chat."), text], lang, [_show_button(texts)])
    hello = _("Hello {name}!").format(name=escape(reply.name)) if reply.name else _("Hello!")
    return _card(hello, [text], lang, [_show_button(texts)])


def help_card(texts: Texts, lang: str) -> Card:
    """What the bot can do, by example."""
    _ = texts.gettext
    return _card(
        _("What I can do for you"),
        [
            _("To see your methods and your default, write **show my methods**."),
            _(
                "To change your default, write for example **set my default MFA to oath**, **use text messages** or "
                "**call my office phone**. These can be a default: app notifications (push), one-time codes (oath), "
                "text messages (sms), and calls to your mobile, your second mobile or your office."
            ),
            _("To go back to what you had before, write **undo**. **history** shows your last changes."),
            _("**sign out** makes me forget your sign-in."),
            _(
                "You can write in English, German, French, Spanish, Dutch, Portuguese or Japanese. So far I answer in "
                "English."
            ),
            _("I can't register or remove methods. The Security info page does that."),
        ],
        lang,
        [_show_button(texts), _security_info_button(texts)],
    )


def not_understood_card(reply: NotUnderstoodReply, texts: Texts, lang: str) -> Card:
    """An honest answer with suggestions."""
    _ = texts.gettext
    paragraphs = [
        _(
            "Nothing was changed. Try for example **show my methods**, **set my default MFA to push**, **undo**, "
            "**history** or **help**."
        )
    ]
    if reply.pasted_code:
        paragraphs.insert(
            0,
            _(
                "That looks like a code for signing in. I never need one. Enter it only where you sign in, and give it "
                "to nobody."
            ),
        )
    return _card(_("Sorry, I did not understand that"), paragraphs, lang, [_show_button(texts)])


def for_somebody_else_card(reply: ForSomebodyElseReply, texts: Texts, lang: str) -> Card:
    """The bot acts only for the person who writes."""
    _ = texts.gettext
    target = escape(reply.target)
    meant = _("It sounds as if you mean somebody else.")
    if target and reply.method is not None:
        meant = _("I understood that the default of {person} should become: {method}.").format(
            person=target, method=short_name(reply.method, texts)
        )
    elif target:
        meant = _("I understood that this is about {person}.").format(person=target)
    paragraphs = [
        meant,
        _(
            "I can't see or change other people's methods, so nothing was changed. They can write to me themselves, or "
            "ask your IT helpdesk."
        ),
    ]
    return _card(_("I can only do this for yourself"), paragraphs + _contact(reply.contact, texts), lang, [])


def who_card(texts: Texts, lang: str) -> Card:
    """Somebody was meant whom nobody has named."""
    _ = texts.gettext
    return _card(
        _("Whom do you mean?"),
        [_("You wrote of somebody, but I don't know whom you mean. Nothing was changed. Please write it with a name.")],
        lang,
        [],
    )


def cancelled_card(texts: Texts, lang: str) -> Card:
    """Never mind."""
    _ = texts.gettext
    return _card(
        _("All right"),
        [
            _("I leave everything as it is. If something was still waiting for your sign-in, it will not be done."),
            _("A change that was already made stays. Write undo to take it back."),
        ],
        lang,
        [_show_button(texts)],
    )


def working_card(texts: Texts, lang: str) -> Card:
    """Takes a pressed card's place until the work is done."""
    _ = texts.gettext
    return _card(
        _("Working on it…"),
        [_("Microsoft takes its time. This card will show the result; you need not press again.")],
        lang,
        [],
    )


def interrupted_card(reply: InterruptedReply, texts: Texts, lang: str) -> Card:
    """What the bot was at work on when it was stopped, and whether that may have taken."""
    _ = texts.gettext
    stopped = _("I was stopped while I was working on what you asked for.")
    if reply.method is not None:
        stopped = _("I was stopped while I was working on this: {method}.").format(
            method=short_name(reply.method, texts)
        )
    outcome = _("Nothing was changed. Please say it again.")
    if reply.changed:
        outcome = _("It was done before that: Microsoft has taken it.")
    elif reply.maybe_changed:
        outcome = _("I may have asked Microsoft already, so I can't say whether it took. Look at how things are now.")
    return _card(_("I was interrupted"), [f"{stopped} {outcome}"], lang, [_show_button(texts)])


def signed_out_card(reply: SignedOutReply, texts: Texts, lang: str) -> Card:
    """The sign-in is forgotten, and what that means."""
    _ = texts.gettext
    paragraphs = [
        _("I have forgotten your sign-in, and what was still waiting for it will not be done."),
        _("When you next ask me for something, Teams signs you in again, mostly without asking you."),
    ]
    if not reply.everywhere:
        paragraphs.insert(
            1,
            _(
                "I could not tell the other computers that I run on, so they may remember you for up to an hour. "
                "Please write **sign out** once more in a few minutes."
            ),
        )
    return _card(_("You are signed out"), paragraphs, lang, [])


def _card(heading: str, paragraphs: list[str], lang: str, actions: list[BareObject]) -> Card:
    body: list[BareObject] = [TextBlock(text=heading, style="heading", size="Large", weight="Bolder", wrap=True)]
    body += [TextBlock(text=paragraph, wrap=True) for paragraph in paragraphs]
    return Card(body, actions=actions, lang=lang, fallback=f"{heading}. {paragraphs[0]}")


def _contact(contact: str, texts: Texts) -> list[str]:
    return [texts.gettext("Who can help: {contact}").format(contact=escape(contact))] if contact else []


def _show_button(texts: Texts) -> BareObject:
    return ExecuteAction(title=texts.gettext("Show my methods"), verb=REFRESH_VERB)


def _security_info_button(texts: Texts) -> BareObject:
    return OpenUrlAction(title=texts.gettext("Security info"), url=SECURITY_INFO_URL)
