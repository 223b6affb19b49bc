"""What else stands on the card of somebody's methods: what can be chosen, what can't and why, what is no default."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import N_, Reader
from bot.mfa import DefaultMethod, MfaState, Option, RegisteredMethod, Standing, strength_of
from bot.replies import StateReply
from cards.elements import ActionSet, Container, ExecuteAction, TextBlock, ToggleAction
from cards.parts import SET_VERB, heading, refresh_button, small
from cards.words import (
    button_title,
    capital,
    method_name,
    next_step,
    other_name,
    short_name,
    strength,
    where,
    why_not,
)

__all__ = ["choices", "closed_choices", "details", "never_a_default"]

_MAX_WAYS = 3
_MAX_OTHERS = 6
_CLOSED = {
    Standing.NOT_ALLOWED: N_("Not allowed by your organisation: {methods}."),
    Standing.READ_ONLY: N_("Switched off for now: {methods}."),
    Standing.NOT_REGISTERED: N_("Not registered: {methods}."),
}
_WHY = "why"
"""The id of the part of the card that is shown on demand."""


def choices(reply: StateReply, reader: Reader, asked: tuple[DefaultMethod, ...] | None = None) -> list[BareObject]:
    """What can be chosen, of ``asked`` alone if it is given, and first what choosing does; nothing without a choice."""
    _ = reader.gettext
    wanted = [option for option in reply.options if asked is None or option.method in asked]
    rows = [_row(option, reply, reader) for option in wanted if _can_choose(option)]
    title = _("You can also choose") if reply.state.default is not None else _("You can choose")
    effect = _("Microsoft then asks first for the one that you choose. The others stay registered.")
    if reply.state.overruled:
        effect = _("The one that you choose only counts for VPN and similar sign-ins. The others stay registered.")
    return [heading(title), small(effect), *rows] if rows else []


def closed_choices(reply: StateReply, reader: Reader) -> list[BareObject]:
    """What can't be chosen: a line for each reason, and on demand each method with what can be done about it.

    On demand, since most people have registered one or two of the six. Who has none at all sees it at once.
    """
    _ = reader.gettext
    options = [option for option in reply.options if option.standing in _CLOSED]
    if not options:
        return []
    title = heading(_("You can't choose these now"))
    rows = [_row(option, reply, reader) for option in options]
    if not any(row.enables or row.resists_phishing for row in reply.state.methods):
        return [title, *rows]
    toggle = ToggleAction(title=_("Why, and what you can do"), targets=[_WHY])
    return [
        title,
        *(small(line) for line in _reasons(options, reader)),
        ActionSet(actions=[toggle], spacing="Small"),
        Container(id=_WHY, visible=False, items=rows, spacing="Small"),
    ]


def _reasons(options: list[Option], reader: Reader) -> list[str]:
    lines = []
    for standing, sentence in _CLOSED.items():
        names = [short_name(option.method, reader) for option in options if option.standing is standing]
        if names:
            lines.append(reader.gettext(sentence).format(methods=reader.listed(names)))
    return lines


def _row(option: Option, reply: StateReply, reader: Reader) -> BareObject:
    """One method: its name and where it is, or greyed out, why, and what to do; below it the button.

    Not beside it: on a narrow phone a long button would leave no room for the text.
    """
    what_next = reader.run_on(why_not(option, reader), next_step(option, reader))
    return Container(
        items=[
            TextBlock(
                text=method_name(option.method, reader),
                wrap=True,
                weight="Bolder",
                isSubtle=not _can_choose(option),
            ),
            *(small(line) for line in (details(option, reader), what_next) if line),
            ActionSet(actions=[_button(option, reply, reader)], spacing="Small"),
        ],
        separator=True,
        spacing="Medium",
    )


def details(option: Option, reader: Reader) -> str:
    """Where it is registered, how well it protects, and whether it may fail all the same; empty if it is nowhere."""
    if not option.ways:
        return ""
    places = [place for place in (where(way, reader) for way in option.ways[:_MAX_WAYS]) if place]
    more = len(option.ways) - _MAX_WAYS
    registered = reader.run_on(reader.listed(places), _and_more(more, reader) if more > 0 else "")
    doubt = reader.gettext("may not work with this authenticator app")
    is_doubtful = _can_choose(option) and not option.certain
    parts = [registered, strength(strength_of(option.method), reader), doubt if is_doubtful else ""]
    return capital(" · ".join(part for part in parts if part))


def _button(option: Option, reply: StateReply, reader: Reader) -> BareObject:
    title = button_title(option.method, reader)
    if not _can_choose(option) or option.method not in reply.action_ids:
        # Not every client greys it out. Where it can be pressed after all, it only shows how things are.
        return refresh_button(title, reader, tooltip=why_not(option, reader), enabled=False)
    tooltip = reader.gettext("Make this your default: {method}").format(method=short_name(option.method, reader))
    data = {"action": reply.action_ids[option.method], "lang": reader.language}
    return ExecuteAction(title=title, verb=SET_VERB, data=data, tooltip=tooltip)


def _can_choose(option: Option) -> bool:
    return option.standing is Standing.AVAILABLE


def never_a_default(state: MfaState, reader: Reader) -> list[BareObject]:
    """What is registered but can't be a default: first what resists phishing, and why that is so."""
    _ = reader.gettext
    others = [row for row in state.methods if not row.enables]
    if not others:
        return []
    best = [row for row in others if row.resists_phishing]
    rest = [row for row in others if not row.resists_phishing]
    blocks: list[BareObject] = [heading(_("Also registered, but can't be your default"))]
    blocks += _named(best, reader, weight="Bolder")
    if best:
        why = _(
            "Strongest protection, even against fake sign-in pages. This kind of method replaces both your password "
            "and the second step, so it can't be your default. Choose it on the sign-in page whenever you like."
        )
        blocks.append(small(why))
    return blocks + _named(rest, reader, size="Small", isSubtle=True)


def _named(rows: list[RegisteredMethod], reader: Reader, **looks: object) -> list[BareObject]:
    """A line for each, but not for too many."""
    names = [other_name(row, reader) for row in rows[:_MAX_OTHERS]]
    if len(rows) > _MAX_OTHERS:
        names.append(capital(_and_more(len(rows) - _MAX_OTHERS, reader)))
    return [
        TextBlock(text=name, wrap=True, separator=n == 0, spacing="Small" if n == 0 else "None", **looks)
        for n, name in enumerate(names)
    ]


def _and_more(count: int, reader: Reader) -> str:
    return reader.ngettext("and {count} more", "and {count} more", count).format(count=count)
