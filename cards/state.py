"""The card of somebody's methods: what has just happened, the default, what can be chosen, and why some can't."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import Texts
from bot.mfa import DefaultMethod, MethodKind, MfaState, Option, Standing
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
    StateReply,
    StillWorking,
    TooOften,
    UndoDoubt,
    UnknownBefore,
    WhichOne,
)
from cards.elements import (
    ActionSet,
    Card,
    Column,
    ColumnSet,
    Container,
    ExecuteAction,
    OpenUrlAction,
    TextBlock,
    escape,
    local_date,
    local_time,
)
from cards.words import (
    SECURITY_INFO_URL,
    button_title,
    method_name,
    other_name,
    short_name,
    stored_name,
    where,
    why_not,
)

__all__ = ["REFRESH_VERB", "SET_VERB", "UNDO_VERB", "default_sentence", "state_card"]

SET_VERB = "setDefault"
UNDO_VERB = "undo"
REFRESH_VERB = "refresh"

_NotBegun = OutdatedCard | StillWorking | AnotherUnderWay | TooOften
_NotPutBack = NothingToUndo | AlreadyBack | CantUnset | CantPutBack | UnknownBefore | ShallIPutBack

_MAX_OTHERS = 12


def state_card(reply: StateReply, texts: Texts, lang: str) -> Card:
    """The whole card for ``reply``."""
    _ = texts.gettext
    body: list[BareObject] = [
        TextBlock(text=_("Your default sign-in method"), style="heading", size="Large", weight="Bolder", wrap=True)
    ]
    if reply.news is not None:
        body.append(_news(reply.news, texts))
    if reply.read_only:
        body.append(_notice(_("Changes are switched off at the moment. You can look, but not choose."), "warning"))
    body.append(TextBlock(text=default_sentence(reply.state, texts), wrap=True))
    if reply.state.overruled and _has_something_to_choose_from(reply.state):
        body.append(_notice(_overruled_sentence(reply.state, texts), "warning"))
    body += [_row(option, reply, texts) for option in reply.options]
    body += _others(reply.state, texts)
    actions: list[BareObject] = [
        ExecuteAction(title=_("Refresh"), verb=REFRESH_VERB, tooltip=_("Read your methods again")),
        OpenUrlAction(title=_("Security info"), url=SECURITY_INFO_URL, tooltip=_("Register or remove methods")),
    ]
    if reply.undo_id is not None:
        actions.insert(0, _undo_button(reply.undo_id, reply.news, texts))
    return Card(body, actions=actions, lang=lang, fallback=default_sentence(reply.state, texts))


def default_sentence(state: MfaState, texts: Texts) -> str:
    """The current default in one sentence."""
    if state.default is not None:
        return texts.gettext("Your default is: **{method}**.").format(method=method_name(state.default, texts))
    if state.preferences.default_name:
        return texts.gettext("Your default is one that I don't know: **{method}**.").format(
            method=escape(state.preferences.default_name)
        )
    if not any(row.enables for row in state.methods):
        return texts.gettext(
            "You have not registered a method that can be a default. You can do that on the Security info page."
        )
    return texts.gettext("You have not chosen a default yet.")


def _has_something_to_choose_from(state: MfaState) -> bool:
    """False where there is only a password: then Microsoft chooses nothing either."""
    return any(row.kind not in {MethodKind.PASSWORD, MethodKind.EMAIL} for row in state.methods)


def _overruled_sentence(state: MfaState, texts: Texts) -> str:
    if state.overruled_by:
        return texts.gettext(
            "Microsoft chooses the strongest method for you by itself (now: {method}). Your default only counts for "
            "VPN and similar sign-ins (NPS extension, AD FS)."
        ).format(method=escape(state.overruled_by))
    return texts.gettext(
        "Microsoft chooses the strongest method for you by itself. Your default only counts for VPN and similar "
        "sign-ins (NPS extension, AD FS)."
    )


def _news(news: NewsItem, texts: Texts) -> BareObject:
    _ = texts.gettext
    match news:
        case Changed():
            return _changed(news, texts)
        case OutcomeUnknown(method):
            return _notice(
                _(
                    "I asked Microsoft for: {method}. No clear answer came, so I can't say whether it took. Press "
                    "Refresh in a minute."
                ).format(method=short_name(method, texts)),
                "warning",
            )
        case AlreadyDefault(method):
            return _notice(
                _("Nothing to do: {method} is your default already.").format(method=short_name(method, texts)), "accent"
            )
        case CantChoose(option):
            sentence = _("I can't make this your default: {method}.").format(method=short_name(option.method, texts))
            return _notice(f"{sentence} {why_not(option, texts)} " + _("Nothing was changed."), "attention")
        case Refused(method):
            return _notice(
                _(
                    "Microsoft did not accept this method: {method}. Perhaps it is not registered any more, or your "
                    "organisation does not allow it. Nothing was changed."
                ).format(method=short_name(method, texts)),
                "attention",
            )
        case NoneOfThem(methods):
            return _notice(
                _("I can't make any of these your default: {methods}. Nothing was changed.").format(
                    methods=_either(methods, texts)
                ),
                "attention",
            )
        case WhichOne(candidates):
            return _notice(_question(candidates, texts), "accent")
        case OutdatedCard() | StillWorking() | AnotherUnderWay() | TooOften():
            return _not_begun(news, texts)
        case _:
            return _not_put_back(news, texts)


def _not_begun(news: _NotBegun, texts: Texts) -> BareObject:
    _ = texts.gettext
    match news:
        case OutdatedCard():
            return _notice(_("That card is out of date, so nothing was changed. This is how things are now."), "accent")
        case StillWorking():
            return _notice(_("I am still working on it. Press Refresh in a moment."), "accent")
        case AnotherUnderWay():
            return _notice(
                _(
                    "An earlier change of yours is still under way, so I have not begun this one. Please try again in "
                    "a moment. Nothing was changed by it."
                ),
                "warning",
            )
        case TooOften(limit, wait):
            return _notice(
                texts.ngettext(
                    "You have had {limit} changes within an hour, which is the limit. The next one is possible in "
                    "about {wait} minute. Nothing was changed.",
                    "You have had {limit} changes within an hour, which is the limit. The next one is possible in "
                    "about {wait} minutes. Nothing was changed.",
                    wait,
                ).format(limit=limit, wait=wait),
                "attention",
            )


def _not_put_back(news: _NotPutBack, texts: Texts) -> BareObject:
    _ = texts.gettext
    match news:
        case NothingToUndo():
            return _notice(_("I have no change of yours on record, so there is nothing to put back."), "accent")
        case AlreadyBack(method):
            return _notice(
                _("Nothing to put back: {method} is your default already.").format(method=short_name(method, texts)),
                "accent",
            )
        case CantUnset():
            return _notice(
                _(
                    "Before the last change you had not chosen a default, and Microsoft offers no way to take a "
                    "default away again. Nothing was changed. If you like, choose another one below."
                ),
                "attention",
            )
        case CantPutBack(option):
            sentence = _("I can't put back what you had before: {method}.").format(
                method=short_name(option.method, texts)
            )
            return _notice(f"{sentence} {why_not(option, texts)} " + _("Nothing was changed."), "attention")
        case UnknownBefore(name):
            return _notice(
                _(
                    "What you had before is a method that I don't know, so I can't put it back: {method}. Nothing was "
                    "changed."
                ).format(method=escape(name)),
                "attention",
            )
        case ShallIPutBack():
            return _notice(_shall_i_put_back(news, texts), "accent")


def _shall_i_put_back(news: ShallIPutBack, texts: Texts) -> str:
    _ = texts.gettext
    before = short_name(news.before, texts)
    last = _("Your last change here was on {date} at {time}: {before} → {after}.").format(
        date=local_date(news.at_utc), time=local_time(news.at_utc), before=before, after=short_name(news.after, texts)
    )
    if news.doubt is UndoDoubt.ELSEWHERE:
        last += " " + _("Since then your default was changed elsewhere.")
    question = _("Shall I put it back? Then press **{button}** below. I have changed nothing yet.").format(
        button=button_title(news.before, texts)
    )
    return f"{last} {question}"


def _changed(news: Changed, texts: Texts) -> BareObject:
    _ = texts.gettext
    is_same = news.before == news.after.value
    words = _("Put back: {before} → {after}.") if news.undone else _("Changed: {before} → {after}.")
    if is_same:
        words = _("Set once more, to make sure: {after}.")
    sentence = words.format(before=stored_name(news.before, texts), after=short_name(news.after, texts))
    again = ""
    if news.undone and news.before and not is_same:
        # An undo of the undo is not two steps back.
        again = " " + _("Write **undo** once more to return to: {method}.").format(
            method=stored_name(news.before, texts)
        )
    if news.confirmed:
        checked = _("I read it back, and Microsoft has it.")
        return _notice(f"✓ **{sentence}** {checked}{again}", "good")
    checked = _("Microsoft accepted it but does not show it yet. Press Refresh in a minute to see it.")
    return _notice(f"**{sentence}** {checked}{again}", "good")


def _question(candidates: tuple[DefaultMethod, ...], texts: Texts) -> str:
    if not candidates:
        return texts.gettext("Which method would you like? I have changed nothing yet; choose below.")
    return texts.gettext("Did you mean: {methods}? I have changed nothing yet; choose below.").format(
        methods=_either(candidates, texts)
    )


def _either(methods: tuple[DefaultMethod, ...], texts: Texts) -> str:
    return texts.gettext(" or ").join(short_name(method, texts) for method in methods)


def _notice(text: str, style: str) -> BareObject:
    return Container(style=style, items=[TextBlock(text=text, wrap=True)], spacing="Medium")


def _undo_button(undo_id: str, news: NewsItem | None, texts: Texts) -> BareObject:
    before = DefaultMethod.parse(news.before) if isinstance(news, (Changed, ShallIPutBack)) else None
    tooltip = texts.gettext("Put back what you had before")
    if before is not None:
        tooltip = texts.gettext("Put back: {method}").format(method=short_name(before, texts))
    return ExecuteAction(title=texts.gettext("Undo"), verb=UNDO_VERB, data={"action": undo_id}, tooltip=tooltip)


def _row(option: Option, reply: StateReply, texts: Texts) -> BareObject:
    """One method: its name and where it is, or greyed out with the reason; at its right the button or the mark."""
    reason = why_not(option, texts)
    name = TextBlock(text=method_name(option.method, texts), wrap=True, weight="Bolder", isSubtle=bool(reason))
    places = ", ".join(place for place in (where(way, texts) for way in option.ways[:3]) if place)
    details = [detail for detail in (places, reason, _doubt(option, texts)) if detail]
    left: list[BareObject] = [name]
    if details:
        left.append(TextBlock(text=" · ".join(details), wrap=True, size="Small", isSubtle=True, spacing="None"))
    return ColumnSet(
        columns=[
            Column(width="stretch", items=left, verticalContentAlignment="Center"),
            Column(width="auto", items=_right(option, reply, texts), verticalContentAlignment="Center"),
        ],
        separator=True,
        spacing="Small",
    )


def _right(option: Option, reply: StateReply, texts: Texts) -> list[BareObject]:
    _ = texts.gettext
    if option.standing is Standing.CURRENT:
        return [TextBlock(text="✓ " + _("Your default"), weight="Bolder", color="Good", wrap=True)]
    action_id = reply.action_ids.get(option.method)
    if action_id is None or option.standing is not Standing.AVAILABLE:
        return []
    tooltip = _("Make this your default: {method}").format(method=short_name(option.method, texts))
    title = button_title(option.method, texts)
    return [ActionSet(actions=[ExecuteAction(title=title, verb=SET_VERB, data={"action": action_id}, tooltip=tooltip)])]


def _doubt(option: Option, texts: Texts) -> str:
    if option.standing is Standing.AVAILABLE and not option.certain:
        return texts.gettext("may not work with this kind of registration; Microsoft decides")
    return ""


def _others(state: MfaState, texts: Texts) -> list[BareObject]:
    others = [row for row in state.methods if not row.enables]
    if not others:
        return []
    names = [other_name(row, texts) for row in others[:_MAX_OTHERS]]
    if len(others) > _MAX_OTHERS:
        more = len(others) - _MAX_OTHERS
        names.append(texts.ngettext("and {count} more", "and {count} more", more).format(count=more))
    sentence = texts.gettext("Also registered, but never a default: {methods}.").format(methods=", ".join(names))
    return [TextBlock(text=sentence, wrap=True, size="Small", isSubtle=True, separator=True)]
