"""The Teams channel: who may call, activities in and out, sign-in. The only package that knows botbuilder."""

from bot.teams.adapter import TeamsAdapter
from bot.teams.answers import Answers
from bot.teams.channel_auth import ChannelAuth
from bot.teams.connector import Connector
from bot.teams.errands import Errands
from bot.teams.explain import Explainer
from bot.teams.handler import TeamsHandler
from bot.teams.interruptions import Interruptions
from bot.teams.sign_in import SignIn
from bot.teams.sign_in_steps import SignInSteps
from bot.teams.topics import Topics

__all__ = [
    "Answers",
    "ChannelAuth",
    "Connector",
    "Errands",
    "Explainer",
    "Interruptions",
    "SignIn",
    "SignInSteps",
    "TeamsAdapter",
    "TeamsHandler",
    "Topics",
]
