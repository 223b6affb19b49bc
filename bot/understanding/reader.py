"""From a message to what it asks for: an instruction only where a whole clause is one and nothing takes it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bot.mfa import DefaultMethod
from bot.understanding.grammar import Clause, Kind, read_clause
from bot.understanding.language import recognise
from bot.understanding.people import About, find_people
from bot.understanding.reading import Intent, Reading
from bot.understanding.tagging import BREAK, QUOTED, Item, segmented, tag
from bot.understanding.text import MAX_CHARACTERS, Token, TokenKind, plain_text, tokens_of
from bot.understanding.vocabulary import ANSWER, Role, lexicon

__all__ = ["read"]

MAX_INSTRUCTION = 600
"""Characters. Nobody gives an instruction of that length; what is longer changes nothing without a question."""

_SHORTEST_PHONE_NUMBER = 6
MAX_PIECES = 160
"""Words and signs of punctuation; the same for a message that is made of one-letter words."""

_QUESTION_MARKS = frozenset("?？‽؟")
_SENTENCE_ENDS = frozenset(".!;\n…。！") | _QUESTION_MARKS
_METHODS = {method.value: method for method in DefaultMethod}
_TAKES_BACK = frozenset({Role.IF, Role.SUPPOSE, Role.LATER})
_ASKS = frozenset({Role.WHAT, Role.IS, Role.HOW, Role.WHY})
_UNSETTLING = frozenset(
    {
        QUOTED,
        Role.UNDO,
        Role.HISTORY,
        Role.SAID,
        Role.IF,
        Role.LATER,
        Role.SUPPOSE,
        Role.CANCEL,
        Role.EXPLAIN,
        Role.EXCEPT,
    }
)
_THUMBS_UP = ("👍", "👌", "✅")
_AGREEING = frozenset({Role.FILLER, Role.MINE, Role.SET, Role.DO_IT, Role.WISH, Role.THANKS, BREAK})
_NOT_WITH_UNDO = frozenset({Role.METHOD, Role.HISTORY, Role.EXPLAIN, Role.HELP, Role.UNKNOWN, Role.SUPPOSE, Role.WHY})
_STILL_POSSIBLE = frozenset({"lost_phone", "new_phone", "not_arriving", "unexpected"})
"""Who has lost a phone may well want a call to the office, and who is pestered with prompts a code."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    clauses: tuple[Clause, ...]
    asked: bool
    quotes: bool

    @property
    def signs(self) -> str:
        return "".join(clause.signs for clause in self.clauses)


def read(message: str, locale: str | None = None) -> Reading:
    """What ``message`` asks for; never raises. ``locale`` decides the language where the words do not."""
    text = plain_text(message)
    short = len(text) <= MAX_INSTRUCTION and len(message) <= MAX_CHARACTERS
    # Of what is longer, the beginning tells whether it is a question or a greeting.
    text = text[:MAX_INSTRUCTION]
    tokens = tokens_of(text)
    language = recognise(tokens, locale)
    said = [token for token in tokens if token.kind is not TokenKind.MARK]
    if not said:
        helpless = not text or "?" in text or "<at" in text
        asked = "?" in text or "<at" in text
        intent = Intent.HELP if helpless and asked else _alone(tokens)
        return Reading(intent, language=language, agrees=text in _THUMBS_UP)
    if len(said) == 1 and said[0].kind is TokenKind.NUMBER and len(said[0].text) in range(4, 9):
        return Reading(Intent.NONE, language=language, topic="code")
    words = lexicon(language)
    pieces = segmented(tokens, words)
    short = short and len(pieces) <= MAX_PIECES
    about = find_people(tag(pieces[:MAX_PIECES], text, words), text, language)
    return _Decision(about, language, short=short).reading()


def _alone(tokens: Sequence[Token]) -> Intent:
    """A message of signs only: an emoji is small talk."""
    return Intent.SMALLTALK if any(ord(token.text[0]) > 0x2190 for token in tokens) else Intent.NONE


def _sentences(items: Sequence[Item]) -> Iterator[_Sentence]:
    clauses: list[Clause] = []
    part: list[Item] = []
    quotes = False
    for index, item in enumerate(items):
        if item.sign == QUOTED:
            quotes = True
        if item.text == ":" and part and not any(one.sign == Role.METHOD for one in part):
            # "My default: SMS", "please don't set: SMS".
            continue
        if item.sign == BREAK:
            clauses, part = [*clauses, read_clause(part)] if part else clauses, []
            if item.text in _SENTENCE_ENDS and clauses:
                yield _Sentence(tuple(clauses), item.text in _QUESTION_MARKS, quotes)
                clauses, quotes = [], False
            continue
        if _cuts(items, index) and part:
            clauses, part = [*clauses, read_clause(part)], []
        part.append(item)
    if part:
        clauses.append(read_clause(part))
    if clauses:
        yield _Sentence(tuple(clauses), asked=False, quotes=quotes)


def _cuts(items: Sequence[Item], index: int) -> bool:
    """True where a new clause begins without punctuation."""
    sign = items[index].sign
    if sign in {Role.BUT, Role.BECAUSE, Role.LIKE}:
        return True
    if sign == Role.ELSE:
        following = (item.sign for item in items[index + 1 :])
        return next((one for one in following if one in {Role.METHOD, BREAK}), BREAK) == Role.METHOD
    if sign == Role.WISH:
        return _between_methods(items, index)
    if sign == Role.NOT:
        return _between_methods(items, index) and _is_rejection(items, index)
    if sign not in {Role.AND, Role.OR}:
        return False
    rest = next((place for place in range(index, len(items)) if items[place].sign == BREAK), len(items))
    if items[rest - 1].sign == Role.ELSE and any(item.sign == Role.METHOD for item in items[index:rest]):
        # "Push, and texts as a backup."
        return True
    before = next((item.sign for item in reversed(items[:index]) if item.sign not in "pgdl"), BREAK)
    after = next((item.sign for item in items[index + 1 :] if item.sign not in "pgdlt"), BREAK)
    return not (before == Role.METHOD and after in {Role.METHOD, BREAK})


def _is_rejection(items: Sequence[Item], index: int) -> bool:
    """``sms no push please``: what follows rejects something of its own."""
    end = next((place for place in range(index, len(items)) if items[place].sign == BREAK), len(items))
    clause = read_clause(items[index:end])
    return clause.kind is Kind.REJECTS and Role.INSTEAD not in clause.signs


def _between_methods(items: Sequence[Item], index: int) -> bool:
    """``no push i want sms``: two clauses, though nothing stands between them."""

    def first(some: Iterable[Item]) -> str:
        return next((item.sign for item in some if item.sign in {Role.METHOD, BREAK}), BREAK)

    return first(reversed(items[:index])) == first(items[index + 1 :]) == Role.METHOD


class _Decision:
    """The rules by which one reading comes from several clauses."""

    def __init__(self, about: About, language: str, *, short: bool) -> None:
        self._about = about
        self._language = language
        self._short = short
        self._sentences = tuple(_sentences(about.items))
        self._clauses = [clause for sentence in self._sentences for clause in sentence.clauses]
        aside = {id(item) for c in self._clauses if c.items[0].sign in {Role.LIKE, Role.BECAUSE} for item in c.items}
        self._signs = {item.sign for item in about.items if id(item) not in aside}
        self._topics = {item.sign: item.topic for item in about.items if item.topic}
        self._asked = any(sentence.asked for sentence in self._sentences)

    def reading(self) -> Reading:
        if Role.NONSENSE in self._signs:
            return self._with(Intent.NONE)
        wanting = self._wanting()
        if self._cancelled():
            return self._with(Intent.SHOW) if Role.SHOW in self._signs else self._with(Intent.NONE, topic="cancel")
        cant = self._topics.get(Role.CANT, "")
        if cant and (not wanting or cant not in _STILL_POSSIBLE):
            return self._with(Intent.UNSUPPORTED, topic=cant)
        if Role.PEOPLE in self._signs and {Role.METHOD, Role.SET, Role.GO, Role.DEFAULT} & self._signs:
            return self._with(Intent.UNSUPPORTED, topic="bulk")
        if wanting:
            return self._set(wanting)
        if self._short and not self._signs & _NOT_WITH_UNDO and self._is_only(Role.UNDO, {Role.MISTAKE}):
            return self._with(Intent.UNDO)
        if self._is_only(Role.SIGN_OUT, set()):
            return self._with(Intent.SIGN_OUT)
        return self._asking() or self._vague() or self._talk()

    def _with(self, intent: Intent, topic: str = "", decided: Sequence[Item] = ()) -> Reading:
        about = self._about
        return Reading(
            intent,
            target=about.target or (about.pronoun if about.pronoun and intent is not Intent.NONE else None) or "me",
            language=self._language,
            topic=topic,
            claimed=about.claimed or "",
            pronoun=about.target is None and bool(about.pronoun) and intent is not Intent.NONE,
            agrees=self._agrees(),
            same=Role.SAME in self._signs,
            decided=tuple(f"{item.text} ({_role(item)})" for item in decided or about.items if item.sign != BREAK),
        )

    def _wanting(self) -> list[Clause]:
        """The clauses that want a method and that nothing takes back."""
        if Role.WHY in self._signs or not self._short:
            return []
        found: list[Clause] = []
        shaken = False
        for sentence in self._sentences:
            if not shaken:
                found += self._wanted_in(sentence)
            shaken = not sentence.quotes and bool({Role.SUPPOSE} & set(sentence.signs)) and not found
        return found

    def _wanted_in(self, sentence: _Sentence) -> list[Clause]:
        if sentence.quotes:
            return []
        found: list[Clause] = []
        taken_back = reported = False
        before: Clause | None = None
        for clause in sentence.clauses:
            starts = clause.items[0].sign
            signs = set(clause.signs)
            if starts == Role.BUT:
                taken_back = reported = False
            if starts == Role.BECAUSE:
                continue
            if signs & _TAKES_BACK and starts != Role.ELSE:
                taken_back = True
                found = []
            reported = reported or bool(signs & {Role.SAID})
            if clause.signs == Role.DO_IT and before is not None and not taken_back:
                found += _named_in(before)
            before = clause
            if clause.signs == Role.WAS and found and not found[-1].imperative:
                # "SMS (current)" tells how things are.
                found.pop()
            if clause.kind in {Kind.WANTS, Kind.PREFERS} and not taken_back and not reported:
                found.append(clause)
        last = sentence.clauses[-1]
        asked = sentence.asked and found and (last is found[-1] or set(last.signs) <= {Role.ORDINARY})
        if asked and not {*last.signs, *found[-1].signs} & {Role.WISH, Role.DO_IT}:
            found = found[:-1]
        return found

    def _cancelled(self) -> bool:
        places = {sign: index for index, clause in enumerate(self._clauses) for sign in _kinds_in(clause)}
        cancel = places.get("cancel")
        return cancel is not None and cancel >= places.get("does", -1)

    def _set(self, wanting: list[Clause]) -> Reading:
        firm = wanting
        if any(clause.imperative for clause in wanting):
            # A fallback need not be an instruction of its own: "use sms, otherwise office".
            firm = [clause for clause in wanting if clause.imperative or _is_fallback(clause)]
        wanted, otherwise, clear = self._combined(firm)
        rejected = frozenset[str]().union(*(c.methods for c in self._clauses if c.kind is Kind.REJECTS))
        guessed = False
        if rejected >= wanted:
            clear = clear and not rejected
            wanted = frozenset(_METHODS) - rejected if not clear else wanted
        else:
            # "The app, but no notification": what is left is likely, and asked about.
            guessed = len(wanted & _METHODS.keys()) > 1
            wanted -= rejected
        real = tuple(method for name, method in _METHODS.items() if name in wanted)
        decided = [item for clause in firm for item in clause.decided]
        if not real:
            return self._with(Intent.UNSUPPORTED, topic=next(iter(sorted(wanted)), "other"), decided=decided)
        unclear = self._about.unclear or not clear
        method = real[0] if len(real) == 1 and not unclear else None
        reading = self._with(Intent.SET, decided=decided)
        sure = (
            method is not None
            and not guessed
            and all(clause.kind is Kind.WANTS for clause in firm)
            and self._is_sure(decided)
        )
        return replace(reading, method=method, candidates=() if method else real, sure=sure, otherwise=otherwise)

    def _is_sure(self, decided: Sequence[Item]) -> bool:
        every = [(clause, sentence) for sentence in self._sentences for clause in sentence.clauses]
        asks = any(self._is_question(clause, sentence) for clause, sentence in every)
        alone = any(_stands_alone(clause) for clause, _ in every)
        alone = alone or self._backup_only() or _answers_a_method(self._about.items) or _is_number(self._about.items)
        # "Switch me to SMS. I changed my mind."
        alone = alone or every[-1][0].signs == Role.MISTAKE
        elsewhere = self._signs & _UNSETTLING
        return all(item.sure for item in decided) and not asks and not alone and not elsewhere

    def _backup_only(self) -> bool:
        """``sms as a backup``, ``…, otherwise sms``: what shall be first is not said, or was not understood."""
        kinds = {Kind.WANTS, Kind.REJECTS, Kind.PREFERS}
        first = next((place for place, clause in enumerate(self._clauses) if clause.kind in kinds), None)
        return first is not None and any(_is_fallback(clause) for clause in self._clauses[: first + 1])

    def _is_question(self, clause: Clause, sentence: _Sentence) -> bool:
        """``are calls no good?``; a copula within a statement, as in ``calls are no good``, asks nothing."""
        if clause.items[0].sign in {Role.BECAUSE, Role.LIKE}:
            return False
        asks = [sign in _ASKS for sign in clause.signs]
        # In Japanese the question stands at the end, often without a question mark.
        return any(asks if sentence.asked or self._language == "ja" else asks[:1])

    def _combined(self, clauses: Sequence[Clause]) -> tuple[frozenset[str], DefaultMethod | None, bool]:
        """What the clauses want together, what otherwise, and whether they agree."""
        wanted, otherwise, clear = clauses[0].methods, None, True
        for clause in clauses[1:]:
            if _is_fallback(clause):
                if not wanted & _METHODS.keys():
                    wanted = clause.methods
                elif otherwise is None and len(clause.methods & _METHODS.keys()) == 1:
                    otherwise = _METHODS[next(iter(clause.methods & _METHODS.keys()))]
            elif wanted & clause.methods:
                wanted &= clause.methods
            else:
                wanted, clear = wanted | clause.methods, False
        return wanted, otherwise, clear

    def _is_only(self, needed: Role, allowed: set[Role]) -> bool:
        """True if some clause says ``needed`` and nothing else, and no other asks, negates or wants something."""
        found = False
        if self._about.unclear or Role.AWAY in self._signs:
            return False
        for sentence in self._sentences:
            if sentence.quotes:
                return False
            for clause in sentence.clauses:
                signs = set(clause.signs)
                if needed in signs:
                    if signs - {needed, Role.WISH, Role.SET, Role.GO, Role.BUT} - allowed:
                        return False
                    found = found or not (sentence.asked and Role.WISH not in signs)
                elif clause.kind is Kind.WANTS or signs & (_ASKS | _TAKES_BACK | {Role.SAID}):
                    return False
                if _negates(clause) and not _is_answer(clause):
                    return False
        return found

    def _agrees(self) -> bool:
        """True for ``yes please, do it``."""
        if not self._signs <= _AGREEING or any(sentence.asked or sentence.quotes for sentence in self._sentences):
            return False
        return any(item.topic == ANSWER or item.sign == Role.DO_IT for item in self._about.items)

    def _asking(self) -> Reading | None:
        signs = self._signs
        if Role.EXPLAIN in signs or Role.WHY in signs:
            return self._with(Intent.EXPLAIN, topic=self._topics.get(Role.EXPLAIN, "overruled"))
        if Role.HISTORY in signs:
            return self._with(Intent.HISTORY)
        if Role.HELP in signs or (Role.UNDO in signs and signs & _ASKS):
            return self._with(Intent.HELP)
        shows = sum(item.sign == Role.SHOW for item in self._about.items)
        matters = signs & {Role.DEFAULT, Role.METHOD} or self._about.target or shows > 1
        named = {name for item in self._about.items if item.sense is not None for name in item.sense.means}
        if named and not named & _METHODS.keys() and signs & {Role.IS, Role.HOW} and Role.SHOW not in signs:
            # "Can I use a passkey?"
            return self._with(Intent.UNSUPPORTED, topic=min(named))
        if signs & {Role.WHAT, Role.IS, Role.SHOW} and matters and not self._rejecting():
            return self._with(Intent.SHOW)
        if Role.HOW in signs and matters:
            return self._with(Intent.HELP)
        return None

    def _rejecting(self) -> bool:
        return any(clause.kind in {Kind.REJECTS, Kind.OFFERS} for clause in self._clauses) and not self._asked

    def _vague(self) -> Reading | None:
        """A change is wanted, but which is to be asked."""
        offered = frozenset[str]().union(*(c.methods for c in self._clauses if c.kind is Kind.OFFERS))
        rejected = frozenset[str]().union(*(c.methods for c in self._clauses if c.kind is Kind.REJECTS))
        named = frozenset[str]().union(*(i.sense.means for i in self._about.items if i.sense is not None))
        opened = any(clause.kind is Kind.OPEN for clause in self._clauses)
        if Role.BEST in self._signs:
            offered = frozenset({"push", "oath"})
        wanted = offered - rejected if offered else frozenset(_METHODS) - rejected if rejected or opened else named
        instructs = self._signs & {Role.SAME, Role.SET, Role.GO, Role.WISH, Role.REPLACE}
        known = Role.DEFAULT in self._signs or self._about.target or self._about.pronoun
        several = sum(item.sense is not None for item in self._about.items) > 1
        if not (offered or rejected or opened or (named and (several or self._is_business())) or (instructs and known)):
            return None
        if rejected and not rejected & _METHODS.keys() and not offered:
            return None
        real = tuple(method for name, method in _METHODS.items() if name in wanted)
        if named and not real and not offered and not rejected:
            return self._with(Intent.UNSUPPORTED, topic=next(iter(sorted(named))))
        if Role.PEOPLE in self._signs:
            return self._with(Intent.UNSUPPORTED, topic="bulk")
        return replace(self._with(Intent.SET), candidates=real, sure=False)

    def _is_business(self) -> bool:
        """True if a method is named in a sentence that sounds as if it were about sign-in."""
        return bool(self._signs & {Role.SET, Role.GO, Role.DEFAULT, Role.WISH, Role.RATHER, Role.INSTEAD, Role.REPLACE})

    def _talk(self) -> Reading:
        if self._signs & {Role.THANKS, Role.GREETING, Role.ROBOT, Role.REGARDS} and not self._signs & {Role.METHOD}:
            kinds = {Role.ROBOT: "robot", Role.GREETING: "hello", Role.THANKS: "thanks", Role.REGARDS: "thanks"}
            topic = next(name for role, name in kinds.items() if role in self._signs)
            return self._with(Intent.SMALLTALK, topic=topic)
        if Role.DEFAULT in self._signs and self._signs <= {"d", "p", "g", BREAK, "v", "l"}:
            return self._with(Intent.SHOW)
        if Role.SHOW in self._signs and self._signs <= {"v", "p", "g", BREAK, "l", "w", "d"}:
            return self._with(Intent.SHOW)
        return self._with(Intent.NONE)


def _named_in(clause: Clause) -> list[Clause]:
    """``They say I should be on push. Can you do that?``: the one method that is named is asked for."""
    mentions = [item for item in clause.items if item.sense is not None]
    if len(mentions) != 1 or Role.NOT in clause.signs or mentions[0].sense is None:
        return []
    return [replace(clause, kind=Kind.PREFERS, methods=mentions[0].sense.means, decided=tuple(mentions))]


def _is_fallback(clause: Clause) -> bool:
    return any(item.sign == Role.ELSE for item in clause.items)


def _stands_alone(clause: Clause) -> bool:
    """A word or two without a verb may be a name or a condition (``Ann Lee - sms``), or negate another clause."""
    signs = {item.sign for item in clause.items} - {Role.LINK, Role.MINE, Role.FILLER, Role.FOR, Role.BUT}
    if signs and signs <= {Role.UNKNOWN, Role.TITLE, Role.NUMBER, Role.ORDINARY} and signs & {Role.UNKNOWN, Role.TITLE}:
        return True
    if Role.AWAY in clause.signs and set(clause.signs) <= {Role.AWAY, Role.SET, Role.GO, Role.METHOD, Role.WISH}:
        return True
    return clause.signs in {Role.NOT, Role.INSTEAD, Role.WAS} and not _is_answer(clause)


def _answers_a_method(items: Sequence[Item]) -> bool:
    """``push no, sms yes``: the answers stand behind what they are about."""
    pairs = pairwise(items)
    if not any(item.sign == Role.FILLER and item.topic == ANSWER for item in items):
        return False
    return any(one.sign == Role.METHOD and two.sign == Role.NOT and two.topic == ANSWER for one, two in pairs)


def _is_number(items: Sequence[Item]) -> bool:
    """``4711 to sms``, ``office phone: +49 30 1234``: a person's number, or one to be registered."""
    digits = sum(len(item.text) for item in items if item.sign == Role.NUMBER)
    moved = any(one.sign == Role.NUMBER and two.sign == Role.TO for one, two in pairwise(items))
    return digits >= _SHORTEST_PHONE_NUMBER or moved


def _negates(clause: Clause) -> bool:
    return any(item.sign in {Role.NOT, Role.INSTEAD} for item in clause.items)


def _is_answer(clause: Clause) -> bool:
    """``no``, which answers what was said before and negates nothing."""
    answers = all(item.topic == ANSWER for item in clause.items if item.sign == Role.NOT)
    return answers and Role.NOT in clause.signs and set(clause.signs) <= {Role.NOT, Role.MISTAKE}


def _kinds_in(clause: Clause) -> Iterator[str]:
    # "Wait, don't" takes back like "never mind".
    if Role.CANCEL in clause.signs or (_negates(clause) and set(clause.signs) <= {"n", "x", "s", "S", "w"}):
        yield "cancel"
    if clause.kind in {Kind.WANTS, Kind.OFFERS} or Role.UNDO in clause.signs:
        yield "does"


def _role(item: Item) -> str:
    try:
        name = Role(item.sign).name.lower()
    except ValueError:
        name = "person"
    senses = " ".join(sorted(item.sense.means)) if item.sense else item.topic
    return ": ".join(filter(None, (name, senses, item.corrected and f"read as {item.corrected}")))
