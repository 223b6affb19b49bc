"""The Teams channel: who may call, activities in and out, sign-in. The only package that knows botbuilder."""

from bot.teams.adapter import TeamsAdapter
from bot.teams.channel_auth import ChannelAuth
from bot.teams.connector import Connector
from bot.teams.handler import TeamsHandler
from bot.teams.sign_in import SignIn

__all__ = ["ChannelAuth", "Connector", "SignIn", "TeamsAdapter", "TeamsHandler"]
