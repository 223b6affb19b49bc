"""The plain cards: welcome, help, greeting, not understood, trouble, working, and the like."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import Reader
from bot.replies import ForSomebodyElseReply, GreetingReply, InterruptedReply, NotUnderstoodReply, SignedOutReply
from cards.elements import Card, OpenUrlAction, escape
from cards.parts import contact_button, contact_line, plain_card, show_button
from cards.phrases import Phrase, phrase
from cards.words import SECURITY_INFO_URL, short_name

__all__ = [
    "cancelled_card",
    "for_somebody_else_card",
    "greeting_card",
    "help_card",
    "interrupted_card",
    "not_understood_card",
    "signed_out_card",
    "signing_in_card",
    "welcome_card",
    "who_card",
    "working_card",
]


def welcome_card(reader: Reader) -> Card:
    """Shown once, when the bot is installed. It asks for nothing."""
    _ = reader.gettext
    return plain_card(
        _("Hello, I look after your default sign-in method"),
        [
            _(
                "When you sign in, Microsoft may ask for a second step: a notification, a code, a call. I show you "
                "which methods you have registered, and make the one that you choose your default: the one that "
                "Microsoft asks for first."
            ),
            _(
                "I act only for you, and only when you ask. An administrator has to allow me once for the whole "
                "organisation."
            ),
            _("Try **{show}** or **{codes}**.").format(
                show=phrase(Phrase.SHOW, reader), codes=phrase(Phrase.CODES, reader)
            ),
        ],
        reader,
        [show_button(reader)],
    )


def greeting_card(reply: GreetingReply, reader: Reader) -> Card:
    """An answer to small talk."""
    _ = reader.gettext
    text = _("I show and change your default sign-in method. Write **{show}**, or **{help}** for more.").format(
        show=phrase(Phrase.SHOW, reader), help=phrase(Phrase.HELP, reader)
    )
    if reply.kind == "thanks":
        return plain_card(_("You are welcome"), [_("I am here when you need me again.")], reader, [show_button(reader)])
    if reply.kind == "robot":
        return plain_card(_("I am a bot"), [_("No person reads this chat."), text], reader, [show_button(reader)])
    hello = _("Hello {name}!").format(name=escape(reply.name)) if reply.name else _("Hello!")
    return plain_card(hello, [text], reader, [show_button(reader)])


def help_card(reader: Reader) -> Card:
    """What the bot can do, by example."""
    _ = reader.gettext
    return plain_card(
        _("What I can do for you"),
        [
            _("To see your methods and your default, write **{show}**.").format(show=phrase(Phrase.SHOW, reader)),
            _(
                "To change your default, write for example **{codes}**, **{texts}** or **{office}**. These can be a "
                "default: app notifications (push), one-time codes (OATH), text messages (SMS), and calls to your "
                "mobile, second mobile or office phone."
            ).format(
                codes=phrase(Phrase.CODES, reader),
                texts=phrase(Phrase.TEXTS, reader),
                office=phrase(Phrase.OFFICE, reader),
            ),
            _("To go back to what you had before, write **{undo}**. **{history}** shows your last changes.").format(
                undo=phrase(Phrase.UNDO, reader), history=phrase(Phrase.HISTORY, reader)
            ),
            _("To sign out here, write **{sign_out}**. Your methods stay as they are.").format(
                sign_out=phrase(Phrase.SIGN_OUT, reader)
            ),
            _(
                "Write in English, German, French, Spanish, Dutch, Portuguese or Japanese, and I'll answer in the "
                "same language."
            ),
            _("I can't register or remove methods. The Security info page does that."),
        ],
        reader,
        [show_button(reader), _security_info_button(reader)],
    )


def not_understood_card(reply: NotUnderstoodReply, reader: Reader) -> Card:
    """An honest answer with suggestions."""
    _ = reader.gettext
    paragraphs = [
        _(
            "Nothing was changed. Try for example **{show}**, **{codes}**, **{undo}**, **{history}** or **{help}**."
        ).format(
            show=phrase(Phrase.SHOW, reader),
            codes=phrase(Phrase.CODES, reader),
            undo=phrase(Phrase.UNDO, reader),
            history=phrase(Phrase.HISTORY, reader),
            help=phrase(Phrase.HELP, reader),
        )
    ]
    if reply.pasted_code:
        paragraphs.insert(
            0,
            _(
                "That looks like a sign-in code. I never need one. Enter it only on the sign-in page, and never give "
                "it to anybody."
            ),
        )
    heading = _("Please keep that code secret") if reply.pasted_code else _("Sorry, I did not understand that")
    return plain_card(heading, paragraphs, reader, [show_button(reader)])


def for_somebody_else_card(reply: ForSomebodyElseReply, reader: Reader) -> Card:
    """The bot acts only for the person who writes."""
    _ = reader.gettext
    target = escape(reply.target)
    meant = _("It sounds as if you mean somebody else.")
    if target and reply.method is not None:
        meant = _("It sounds as if this should become the default method of {person}: {method}.").format(
            person=target, method=short_name(reply.method, reader)
        )
    elif target:
        meant = _("It sounds as if this is about {person}.").format(person=target)
    paragraphs = [
        meant,
        _(
            "I can't see or change other people's methods, so nothing was changed. People can write to me "
            "themselves, or ask the IT helpdesk."
        ),
    ]
    paragraphs += contact_line(reply.contact, reader)
    return plain_card(
        _("I can only do this for your own account"), paragraphs, reader, contact_button(reply.contact, reader)
    )


def who_card(reader: Reader) -> Card:
    """Somebody was meant whom nobody has named."""
    _ = reader.gettext
    return plain_card(
        _("Who do you mean?"),
        [
            _(
                "You mentioned somebody, but I don't know who it is. Nothing was changed. Please write it again with a "
                "name."
            )
        ],
        reader,
        [],
    )


def cancelled_card(reader: Reader) -> Card:
    """Never mind."""
    _ = reader.gettext
    return plain_card(
        _("All right"),
        [
            _("I leave everything as it is. If anything was waiting for you to sign in, I have cancelled it."),
            _("A change that was already made stays. Write **{undo}** to take it back.").format(
                undo=phrase(Phrase.UNDO, reader)
            ),
        ],
        reader,
        [show_button(reader)],
    )


def working_card(reader: Reader) -> Card:
    """Takes a pressed card's place until the work is done."""
    _ = reader.gettext
    return plain_card(
        _("Working on it…"),
        [_("This is taking a little longer. The result will appear on this card; you don't need to press again.")],
        reader,
        [],
    )


def signing_in_card(reader: Reader) -> Card:
    """What was wanted waits for a sign-in."""
    _ = reader.gettext
    text = _("One moment: I have to sign you in first. If a button appears, please press it.")
    return plain_card(_("Sign in"), [text], reader, [show_button(reader)])


def interrupted_card(reply: InterruptedReply, reader: Reader) -> Card:
    """What the bot was at work on when it was stopped, and whether that may have taken."""
    _ = reader.gettext
    stopped = _("I was stopped while I was working on what you asked for.")
    if reply.method is not None:
        stopped = _("I was stopped while I was making this your default: {method}.").format(
            method=short_name(reply.method, reader)
        )
    outcome = _("Nothing was changed. Please ask me again.")
    if reply.changed:
        outcome = _("Even so, the change went through: Microsoft has accepted it.")
    elif reply.maybe_changed:
        outcome = _("I may have asked Microsoft already, so I can't say whether it worked. Look at how things are now.")
    return plain_card(_("I was interrupted"), [reader.run_on(stopped, outcome)], reader, [show_button(reader)])


def signed_out_card(reply: SignedOutReply, reader: Reader) -> Card:
    """The sign-in is forgotten, and what that means."""
    _ = reader.gettext
    paragraphs = [
        _(
            "I have forgotten your sign-in and cancelled what was waiting for it. Your sign-in methods have not "
            "changed."
        ),
        _("When you next ask me for something, Teams signs you in again, usually without asking you."),
    ]
    if not reply.everywhere:
        paragraphs.insert(
            1,
            _(
                "I could not tell the other servers that I run on, so they may remember you for up to an hour. "
                "Please write **{sign_out}** once more in a few minutes."
            ).format(sign_out=phrase(Phrase.SIGN_OUT, reader)),
        )
    return plain_card(_("You are signed out"), paragraphs, reader, [])


def _security_info_button(reader: Reader) -> BareObject:
    return OpenUrlAction(title=reader.gettext("Security info"), url=SECURITY_INFO_URL)
