"""What has just happened, in a few sentences: the box at the top of the card of somebody's methods."""

from __future__ import annotations

from typing import NamedTuple

from bot.locale import Reader
from bot.mfa import DefaultMethod
from bot.replies import (
    AlreadyBack,
    AlreadyDefault,
    AnotherUnderWay,
    CantChoose,
    CantPutBack,
    CantUnset,
    Changed,
    NewsItem,
    NoneOfThem,
    NothingToUndo,
    OutcomeUnknown,
    OutdatedCard,
    Refused,
    ShallIPutBack,
    StillWorking,
    TooOften,
    UndoDoubt,
    UnknownBefore,
    Weaker,
    WhichOne,
)
from cards.elements import escape
from cards.phrases import Phrase, phrase
from cards.words import button_title, short_name, stored_name, why_not

__all__ = ["Notice", "news_notice"]

_NotBegun = OutdatedCard | StillWorking | AnotherUnderWay | TooOften
_NotPutBack = NothingToUndo | AlreadyBack | CantUnset | CantPutBack | UnknownBefore | ShallIPutBack


class Notice(NamedTuple):
    """A few sentences in a box. ``style`` is one of the card's container styles; it only underlines what is said."""

    text: str
    style: str


def news_notice(news: NewsItem, reader: Reader) -> Notice:
    """What to say of ``news``, and how urgent it is."""
    _ = reader.gettext
    match news:
        case Changed():
            return _changed(news, reader)
        case OutcomeUnknown(method):
            return Notice(
                _(
                    "I asked Microsoft to make this your default: {method}. No clear answer came, so I can't say "
                    "whether it worked. Press Refresh in a minute."
                ).format(method=short_name(method, reader)),
                "warning",
            )
        case AlreadyDefault(method):
            return Notice(
                _("No change needed. This is already your default: {method}.").format(
                    method=short_name(method, reader)
                ),
                "accent",
            )
        case CantChoose(option):
            sentence = _("I can't make this your default: {method}.").format(method=short_name(option.method, reader))
            return Notice(reader.run_on(sentence, why_not(option, reader), _("Nothing was changed.")), "attention")
        case Refused(method):
            return Notice(
                _(
                    "Microsoft did not accept this method: {method}. Perhaps it is not registered any more, or your "
                    "organisation does not allow it. Nothing was changed."
                ).format(method=short_name(method, reader)),
                "attention",
            )
        case NoneOfThem(methods):
            return Notice(
                _("I can't make any of these your default: {methods}. Nothing was changed.").format(
                    methods=_either(methods, reader)
                ),
                "attention",
            )
        case Weaker():
            return Notice(_weaker(news, reader), "warning")
        case WhichOne(candidates):
            return Notice(_question(candidates, reader), "accent")
        case OutdatedCard() | StillWorking() | AnotherUnderWay() | TooOften():
            return _not_begun(news, reader)
        case _:
            return _not_put_back(news, reader)


def _not_begun(news: _NotBegun, reader: Reader) -> Notice:
    _ = reader.gettext
    match news:
        case OutdatedCard():
            return Notice(_("That card is out of date, so nothing was changed. This is how things are now."), "accent")
        case StillWorking():
            return Notice(_("I am still working on it. Press Refresh in a moment."), "accent")
        case AnotherUnderWay():
            return Notice(
                _(
                    "An earlier change of yours is still under way, so I have not begun this one. Please try again in "
                    "a moment."
                ),
                "warning",
            )
        case TooOften(limit, wait):
            return Notice(
                reader.ngettext(
                    "The limit of changes in one hour is reached ({limit}). The next one is possible in about {wait} "
                    "minute. Nothing was changed.",
                    "The limit of changes in one hour is reached ({limit}). The next one is possible in about {wait} "
                    "minutes. Nothing was changed.",
                    wait,
                ).format(limit=limit, wait=wait),
                "attention",
            )


def _not_put_back(news: _NotPutBack, reader: Reader) -> Notice:
    _ = reader.gettext
    match news:
        case NothingToUndo():
            return Notice(_("I have no record of a change to your default, so there is nothing to undo."), "accent")
        case AlreadyBack(method):
            return Notice(
                _("There is nothing to undo. This is already your default: {method}.").format(
                    method=short_name(method, reader)
                ),
                "accent",
            )
        case CantUnset():
            return Notice(
                _(
                    "Before the last change you had not chosen a default, and Microsoft offers no way to take a "
                    "default away again. Nothing was changed. If you like, choose another method below."
                ),
                "attention",
            )
        case CantPutBack(option):
            sentence = _("I can't go back to what you had before: {method}.").format(
                method=short_name(option.method, reader)
            )
            return Notice(reader.run_on(sentence, why_not(option, reader), _("Nothing was changed.")), "attention")
        case UnknownBefore(name):
            return Notice(
                _(
                    "What you had before is a method that I don't know, so I can't go back to it: {method}. Nothing "
                    "was changed."
                ).format(method=escape(name)),
                "attention",
            )
        case ShallIPutBack():
            return Notice(_shall_i_put_back(news, reader), "accent")


def _shall_i_put_back(news: ShallIPutBack, reader: Reader) -> str:
    _ = reader.gettext
    before = short_name(news.before, reader)
    last = _("Your last change here ({when}): {before} → {after}.").format(
        when=reader.moment(news.at_utc), before=before, after=short_name(news.after, reader)
    )
    since = _("Your default has been changed elsewhere since then.") if news.doubt is UndoDoubt.ELSEWHERE else ""
    question = _(
        "Shall I go back to this: {method}? If so, press **{button}** below. I have changed nothing yet."
    ).format(method=before, button=button_title(news.before, reader))
    return reader.run_on(last, since, question)


def _changed(news: Changed, reader: Reader) -> Notice:
    _ = reader.gettext
    is_same = news.before == news.after.value
    words = _("Changed back: {before} → {after}.") if news.undone else _("Changed: {before} → {after}.")
    if is_same:
        words = _("Set once more, to make sure: {after}.")
    sentence = words.format(before=stored_name(news.before, reader), after=short_name(news.after, reader))
    again = ""
    if news.undone and news.before and not is_same:
        # An undo of the undo is not two steps back.
        again = _("Write **{undo}** to go back again to this: {method}.").format(
            undo=phrase(Phrase.UNDO, reader), method=stored_name(news.before, reader)
        )
    if news.confirmed:
        checked = _("I have checked: Microsoft has saved it.")
        return Notice(reader.run_on(f"✓ **{sentence}**", checked, again), "good")
    checked = _("Microsoft accepted it but does not show it yet. Press Refresh in a minute to see it.")
    return Notice(reader.run_on(f"**{sentence}**", checked, again), "good")


def _weaker(news: Weaker, reader: Reader) -> str:
    _ = reader.gettext
    why = _(
        "Your current default protects you better: **{before}**. Text messages and calls can be intercepted, or sent "
        "to somebody else's phone."
    ).format(before=short_name(news.before, reader))
    question = _(
        "Shall I make this your default anyway: {method}? If so, write **{yes}** or press **{button}** below. I have "
        "changed nothing yet."
    ).format(
        method=short_name(news.method, reader),
        yes=phrase(Phrase.YES, reader),
        button=button_title(news.method, reader),
    )
    return reader.run_on(why, question)


def _question(candidates: tuple[DefaultMethod, ...], reader: Reader) -> str:
    if not candidates:
        return reader.gettext("Which method would you like? I have changed nothing yet; choose below.")
    return reader.gettext("Did you mean: {methods}? I have changed nothing yet; choose below.").format(
        methods=_either(candidates, reader)
    )


def _either(methods: tuple[DefaultMethod, ...], reader: Reader) -> str:
    return reader.any_of([short_name(method, reader) for method in methods])
