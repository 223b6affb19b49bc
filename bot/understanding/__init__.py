"""Text in, a command out. Pure and deterministic; English for now."""

from bot.understanding.reader import MAX_CHARACTERS, understand

__all__ = ["MAX_CHARACTERS", "understand"]
