"""What a message means in its conversation: who "her" is, what "the same" is; and the command that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.commands import (
    EXPLAINED,
    NOT_DONE_HERE,
    AskWhich,
    AskWho,
    Cancel,
    CantDo,
    Command,
    Explain,
    ForSomebodyElse,
    Greet,
    Help,
    History,
    IfMe,
    NotUnderstood,
    SetDefault,
    Show,
    SignOut,
    Undo,
)
from bot.mfa import DefaultMethod
from bot.understanding.reader import read
from bot.understanding.reading import Intent, Reading

__all__ = ["Topic", "Understood", "command_for", "understand"]

_VAGUE = frozenset({Intent.SET, Intent.NONE})
_SOMEBODY = frozenset({Intent.SHOW, Intent.SET, Intent.UNDO, Intent.HISTORY, Intent.EXPLAIN})


@dataclass(frozen=True, slots=True)
class Topic:
    """What a conversation was about last."""

    target: str = ""
    """The last person who was named, as written; empty for none."""
    method: DefaultMethod | None = None
    """The last method that somebody's default was to become."""
    asked: AskWhich | None = None
    """What the last answer asked. Where it was about one method ("Did you mean ...?"), a "yes" agrees to that."""
    warned: bool = False
    """True where the question has said that the method protects less than the one before."""
    language: str | None = None
    """ISO 639-1, the language in which it was asked, and so probably that of the reply."""

    def after(self, reading: Reading, command: Command) -> Topic:
        """The topic once ``reading`` was said and ``command`` carried out."""
        named = reading.target if reading.target != "me" and not reading.pronoun else self.target
        return Topic(named, reading.method or self.method, command if isinstance(command, AskWhich) else None)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message asks for, the language to answer in, and what the conversation is about from now on."""

    command: Command
    language: str
    topic: Topic


def understand(message: str, locale: str | None = None, topic: Topic | None = None) -> Understood:
    """What ``message`` asks for in a conversation that was about ``topic``; never raises.

    Args:
        message: text as Teams delivers it.
        locale: the client's language, a BCP 47 tag; decides where the words do not tell the language.
        topic: what the conversation was about before.
    """
    before = topic or Topic()
    reading = _resolved(read(message, locale), before)
    command = command_for(reading)
    if isinstance(command, SetDefault) and before.warned and before.asked is not None:
        # Asked whether it shall be so all the same, they have said yes, or the same once more.
        agreed = before.asked.candidates in {(command.method,), (command.otherwise,)}
        command = replace(command, agreed=agreed)
    return Understood(command, reading.language, before.after(reading, command))


def _resolved(reading: Reading, topic: Topic) -> Reading:
    if reading.agrees:
        return _agreed(reading, topic)
    if reading.intent is Intent.UNDO and topic.asked is not None and len(topic.asked.candidates) == 1:
        # "Annuler" is a no as well as an undo. To "shall I …?" it is the no; who means the undo says it again.
        return replace(reading, intent=Intent.NONE, topic="cancel")
    if reading.same and reading.intent in _VAGUE and reading.method is None and topic.method is not None:
        reading = replace(reading, intent=Intent.SET, method=topic.method, candidates=(), sure=False)
    if reading.pronoun and topic.target:
        return replace(reading, target=topic.target, pronoun=False)
    return reading


def _agreed(reading: Reading, topic: Topic) -> Reading:
    """``yes``: to the one method that was asked about, to no one in particular of several, or to no question at all."""
    if topic.asked is None:
        return replace(reading, intent=Intent.SMALLTALK, topic="thanks") if reading.intent is Intent.NONE else reading
    candidates = topic.asked.candidates
    if len(candidates) == 1:
        return replace(reading, intent=Intent.SET, method=candidates[0], candidates=(), sure=True)
    return replace(reading, intent=Intent.SET, candidates=candidates, sure=False)


def command_for(reading: Reading) -> Command:
    """The command of ``reading``. What is about somebody else never becomes one that changes anything."""
    if reading.target != "me" and reading.intent in _SOMEBODY:
        if reading.pronoun:
            return AskWho()
        if "@" not in reading.target:
            return ForSomebodyElse(reading.target, reading.method)
    command = _own_command(reading)
    address = reading.claimed or (reading.target if "@" in reading.target else "")
    if address and isinstance(command, (Show, SetDefault, AskWhich, Undo, History)):
        return IfMe(address, command)
    return command


def _own_command(reading: Reading) -> Command:
    match reading.intent:
        case Intent.SET:
            return _change(reading)
        case Intent.UNSUPPORTED:
            topic = reading.topic if reading.topic in NOT_DONE_HERE else "register"
            return CantDo(topic, about_me=reading.target == "me")
        case Intent.EXPLAIN:
            return Explain(reading.topic if reading.topic in EXPLAINED else EXPLAINED[0])
        case Intent.SMALLTALK:
            return Greet(reading.topic or "hello")
        case Intent.NONE:
            return Cancel() if reading.topic == "cancel" else NotUnderstood(pasted_code=reading.topic == "code")
    return _PLAIN[reading.intent]()


_PLAIN: dict[Intent, type[Show | Undo | History | Help | SignOut]] = {
    Intent.SHOW: Show,
    Intent.UNDO: Undo,
    Intent.HISTORY: History,
    Intent.HELP: Help,
    Intent.SIGN_OUT: SignOut,
}


def _change(reading: Reading) -> Command:
    if reading.method is None:
        every = len(reading.candidates) == len(DefaultMethod)
        return AskWhich(() if every else reading.candidates)
    return SetDefault(reading.method, reading.otherwise) if reading.sure else AskWhich((reading.method,))
