"""The card of somebody's methods: what has just happened, the default, what can be chosen, and why some can't."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import Reader
from bot.mfa import DefaultMethod, MethodKind, MfaState, Option, Standing, Strength, strength_of
from bot.replies import Changed, NewsItem, OutdatedReply, ShallIPutBack, StateReply, Weaker, WhichOne
from cards.choices import choices, closed_choices, details, never_a_default
from cards.elements import (
    ActionSet,
    Card,
    Container,
    ExecuteAction,
    OpenUrlAction,
    TextBlock,
    ToggleAction,
    escape,
)
from cards.news import Notice, news_notice
from cards.parts import UNDO_VERB, box, refresh_button, show_button, small
from cards.words import SECURITY_INFO_URL, method_name, preferred_name, short_name

__all__ = ["outdated_card", "state_card"]

_REST = "rest"
"""The id of what is shown on demand after a change."""


def state_card(reply: StateReply, reader: Reader) -> Card:
    """The whole card for ``reply``."""
    _ = reader.gettext
    body: list[BareObject] = [
        TextBlock(text=_("Your default sign-in method"), style="heading", size="Large", weight="Bolder", wrap=True)
    ]
    notice = news_notice(reply.news, reader) if reply.news is not None else None
    if notice is not None:
        body.append(box(notice))
    if reply.read_only:
        switched_off = _(
            "Your administrators have switched off changes here for now. You can see your methods, but not change your "
            "default."
        )
        body.append(box(Notice(switched_off, "warning")))
    body += _default_blocks(reply, reader)
    asked = _asked(reply.news)
    rest = choices(reply, reader, asked)
    if asked is None:
        rest += closed_choices(reply, reader)
        rest += never_a_default(reply.state, reader)
    body += _on_demand(rest, reader) if isinstance(reply.news, Changed) else rest
    refresh = refresh_button(_("Refresh"), reader, tooltip=_("Read your methods again"))
    actions: list[BareObject] = [
        show_button(reader) if asked is not None else refresh,
        OpenUrlAction(title=_("Security info"), url=SECURITY_INFO_URL, tooltip=_("Register or remove methods")),
    ]
    if reply.undo_id is not None:
        actions.insert(0, _undo_button(reply.undo_id, reply.news, reader))
    spoken = [notice.text if notice is not None else "", _default_sentence(reply.state, reader)]
    # Nobody knows how what is spoken or notified is shown, so a word of Microsoft's own stays out of it.
    overruled = _overruled_sentence(reply.state, reader, named=False)
    spoken.append(overruled if _is_overruled(reply.state) else _said_of(reply, reader))
    return Card(body, actions=actions, lang=reader.language, fallback=reader.run_on(*spoken))


def _on_demand(rest: list[BareObject], reader: Reader) -> list[BareObject]:
    """After a change its result is what matters; and no other button takes the place of the one just pressed."""
    toggle = ToggleAction(title=reader.gettext("Choose something else"), targets=[_REST])
    return [ActionSet(actions=[toggle]), Container(id=_REST, visible=False, items=rest)] if rest else []


def _asked(news: NewsItem | None) -> tuple[DefaultMethod, ...] | None:
    """The methods that a question is about; its card shows no more than these, so that the question is seen."""
    match news:
        case Weaker(method=method) | ShallIPutBack(before=method):
            return (method,)
        case WhichOne(candidates) if candidates:
            return candidates
    return None


def outdated_card(reply: OutdatedReply, reader: Reader) -> Card:
    """What is left of a card once another one shows how things are: the record of what it told, and a way to look."""
    _ = reader.gettext
    title = _("This card is out of date")
    body: list[BareObject] = [
        TextBlock(text=title, style="heading", isSubtle=True, wrap=True),
        small(_("Another card in this chat shows how things are now.")),
    ]
    if reply.news is not None:
        body.append(TextBlock(text=_("This card told you:"), wrap=True, isSubtle=True))
        body.append(box(Notice(news_notice(reply.news, reader).text, "default")))
    actions: list[BareObject] = [refresh_button(_("Show how things are now"), reader)]
    if reply.undo_id is not None:
        actions.insert(0, _undo_button(reply.undo_id, reply.news, reader))
    return Card(body, actions=actions, lang=reader.language, fallback=title)


def _default_sentence(state: MfaState, reader: Reader) -> str:
    """The current default in one sentence."""
    _ = reader.gettext
    if state.default is not None:
        return _("Your default is: **{method}**.").format(method=method_name(state.default, reader))
    if state.preferences.default_name:
        return _("Your default is one that I don't know: **{method}**.").format(
            method=escape(state.preferences.default_name)
        )
    if any(row.enables for row in state.methods):
        return _("You have not chosen a default yet.")
    if any(row.resists_phishing for row in state.methods):
        return _("Your passkey or Windows Hello protects you best. You need no default.")
    return _("You have not registered a method that can be a default. You can register one on the Security info page.")


# ---- The default, and whether it counts


def _default_blocks(reply: StateReply, reader: Reader) -> list[BareObject]:
    """The default; before it what Microsoft asks for instead, where that is so."""
    state = reply.state
    current = next((option for option in reply.options if option.standing is Standing.CURRENT), None)
    blocks: list[BareObject] = []
    if _is_overruled(state):
        blocks.append(box(Notice(_overruled_sentence(state, reader), "warning")))
    if current is None:
        items: list[BareObject] = [TextBlock(text=_default_sentence(state, reader), wrap=True, weight="Bolder")]
        return [*blocks, Container(style="emphasis", items=items, spacing="Medium")]
    works = bool(current.ways)
    name = f"{'✓' if works else '⚠'} {method_name(current.method, reader)}"
    sentences = [_verdict(reply, current, reader), _tip(reply, current.method, reader)]
    items = [TextBlock(text=name, wrap=True, size="Medium", weight="Bolder")]
    items += [small(line) for line in [details(current, reader)] if line]
    items += [TextBlock(text=sentence, wrap=True) for sentence in sentences if sentence]
    return [*blocks, Container(style="emphasis" if works else "attention", items=items, spacing="Medium")]


def _verdict(reply: StateReply, current: Option, reader: Reader) -> str:
    """What the default does at a sign-in, as far as that is known."""
    _ = reader.gettext
    news = reply.news
    if not current.ways:
        return _("It is not registered any more, so it may not work. Choose another method, or register it again.")
    # Where Graph does not say whether it is overruled, nobody can say what it does.
    counts = reply.state.preferences.system_preferred_enabled is False
    if not counts or (isinstance(news, Changed) and not news.confirmed):
        return ""
    if isinstance(news, Changed) and news.before != news.after.value:
        return _("From now on Microsoft asks you for this first when you sign in.")
    return _("When you sign in, Microsoft asks you for this first.")


def _tip(reply: StateReply, current: DefaultMethod, reader: Reader) -> str:
    """A gentle hint for who is asked for calls or text messages though something stronger is registered."""
    if strength_of(current) is not Strength.WEAK or reply.state.overruled:
        return ""
    better = next(
        (
            one.method
            for one in reply.options
            if one.standing is Standing.AVAILABLE and strength_of(one.method) is Strength.STRONG
        ),
        None,
    )
    if better is None:
        return ""
    return reader.gettext(
        "Another of your methods protects you better: **{method}**. Text messages and calls can be intercepted."
    ).format(method=short_name(better, reader))


def _is_overruled(state: MfaState) -> bool:
    """False also where there is only a password: then Microsoft chooses nothing either."""
    return state.overruled and any(row.kind not in {MethodKind.PASSWORD, MethodKind.EMAIL} for row in state.methods)


def _said_of(reply: StateReply, reader: Reader) -> str:
    current = next((option for option in reply.options if option.standing is Standing.CURRENT), None)
    return _verdict(reply, current, reader) if current else ""


def _overruled_sentence(state: MfaState, reader: Reader, *, named: bool = True) -> str:
    _ = reader.gettext
    chooses = _("Microsoft chooses your strongest method by itself.")
    if state.overruled_by and named:
        chooses = _("Microsoft chooses your strongest method by itself (now: {method}).").format(
            method=preferred_name(state.overruled_by, reader)
        )
    has_default = state.preferences.default_name is not None
    counts = _("Your default only counts for VPN and similar sign-ins (NPS extension, AD FS).") if has_default else ""
    return reader.run_on(f"**{chooses}**", counts)


def _undo_button(undo_id: str, news: NewsItem | None, reader: Reader) -> BareObject:
    before = DefaultMethod.parse(news.before) if isinstance(news, (Changed, ShallIPutBack)) else None
    tooltip = reader.gettext("Go back to what you had before")
    if before is not None:
        tooltip = reader.gettext("Go back to: {method}").format(method=short_name(before, reader))
    data = {"action": undo_id, "lang": reader.language}
    return ExecuteAction(title=reader.gettext("Undo"), verb=UNDO_VERB, data=data, tooltip=tooltip)
