"""Text in, a command out. Pure and deterministic: a vocabulary for each language, one small grammar for all."""

from bot.understanding.conversation import Topic, Understood, understand
from bot.understanding.reader import read
from bot.understanding.reading import Intent, Reading
from bot.understanding.text import MAX_CHARACTERS
from bot.understanding.vocabulary import LANGUAGES

__all__ = ["LANGUAGES", "MAX_CHARACTERS", "Intent", "Reading", "Topic", "Understood", "read", "understand"]
