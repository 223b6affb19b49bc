"""A reply in, an Adaptive Card out. Pure: no I/O, no clock, no botbuilder."""

from cards.render import Rendered, render

__all__ = ["Rendered", "render"]
