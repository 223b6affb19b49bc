"""The English vocabulary: words and phrases only, no grammar. All in lower case, phrases by single spaces."""

from __future__ import annotations

from bot.mfa import DefaultMethod

__all__ = [
    "BLOCKERS",
    "BOT_NAMES",
    "DEFAULT_WORDS",
    "FILLERS",
    "GREETINGS",
    "HELP",
    "HISTORY_WORDS",
    "METHODS",
    "NO_OWNERS",
    "OTHERS",
    "QUESTIONS",
    "REQUESTS",
    "SET_WORDS",
    "SHOW_WORDS",
    "STATUS_WORDS",
    "UNDO_WORDS",
]

_PUSH = (DefaultMethod.PUSH,)
_OATH = (DefaultMethod.OATH,)
_SMS = (DefaultMethod.SMS,)
_MOBILE = (DefaultMethod.VOICE_MOBILE,)
_ALTERNATE = (DefaultMethod.VOICE_ALTERNATE_MOBILE,)
_OFFICE = (DefaultMethod.VOICE_OFFICE,)
_CALLS = (*_MOBILE, *_ALTERNATE, *_OFFICE)

METHODS: dict[str, tuple[DefaultMethod, ...]] = {
    **dict.fromkeys(
        (
            "push", "push notification", "push notifications", "notification", "notifications", "app notification",
            "app notifications", "authenticator notification", "authenticator notifications", "authenticator push",
            "authenticator app notification", "authenticator app notifications", "authenticator app push", "app push",
            "microsoft authenticator notification", "microsoft authenticator push", "number matching",
            "approval prompt", "authenticator approval prompt", "phone app notification",
        ),
        _PUSH,
    ),
    **dict.fromkeys(
        (
            "oath", "totp", "one time code", "one time codes", "one time password", "one time passcode", "authenticator code",
            "authenticator codes", "app code", "authenticator app code", "authenticator app codes",
            "code from the app", "code from my app", "code from the authenticator",
            "code from the authenticator app", "codes from the authenticator app", "code in the app", "hardware token",
            "software token", "oath token", "authenticator otp", "authenticator totp", "oath code", "totp code",
        ),
        _OATH,
    ),
    **dict.fromkeys(
        (
            "sms", "text", "texts", "text message", "text messages", "texting", "sms code", "sms codes", "sms message",
            "sms messages", "text code", "text codes", "text me", "sms text", "code by text", "code by sms",
            "text me a code", "text me the code",
        ),
        _SMS,
    ),
    **dict.fromkeys(
        (
            "voicemobile", "voice mobile", "mobile call", "mobile calls", "mobile phone call", "call my mobile", "call my cell",
            "call my cell phone", "call my mobile phone", "call to my mobile", "call to my mobile phone",
            "call on my mobile", "phone call to my mobile", "voice call to my mobile", "cell call",
        ),
        _MOBILE,
    ),
    **dict.fromkeys(
        (
            "voicealternatemobile", "voice alternate mobile", "alternate mobile", "alternate mobile call",
            "call my alternate mobile", "call my alternate phone", "call to my alternate mobile", "alternate phone",
            "alternative mobile", "second mobile", "second mobile calls", "call my second mobile", "call to my second mobile",
        ),
        _ALTERNATE,
    ),
    **dict.fromkeys(
        (
            "voiceoffice", "voice office", "office call", "office calls", "office phone", "office phone call", "call my office",
            "call my office phone", "call to my office", "call to my office phone", "desk phone", "call my desk phone",
            "call my desk", "landline", "call my landline", "work phone", "call my work phone",
        ),
        _OFFICE,
    ),
    # What could mean several methods gets a question.
    **dict.fromkeys(("call", "calls", "call me", "phone call", "phone calls", "voice", "voice call", "ring me"), _CALLS),
    **dict.fromkeys(("phone", "my phone", "mobile", "my mobile", "cell", "my cell"), (*_PUSH, *_SMS, *_CALLS)),
    **dict.fromkeys(
        (
            "app", "the app", "authenticator", "authenticator app", "microsoft authenticator",
            "microsoft authenticator app", "ms authenticator", "phone app",
        ),
        (*_PUSH, *_OATH),
    ),
    **dict.fromkeys(("code", "codes", "a code", "otp", "passcode", "token"), (*_OATH, *_SMS)),
}  # fmt: skip
"""What people call a method; a phrase of several methods is ambiguous."""

SET_WORDS = frozenset(
    "set change make switch use put move update choose pick select prefer want need have get start swap go".split()
)

DEFAULT_WORDS = frozenset(
    "default defaults mfa 2fa method methods authentication auth verification factor preference preferred".split()
)

SHOW_WORDS = frozenset("show list see view check display what what's whats which get tell status overview".split())

REQUESTS = ("can you ", "could you ", "would you please ", "will you ", "can we ", "could we ", "please ")
"""How a request begins that ends with a question mark."""

BOT_NAMES = frozenset("mfa bot default mfabot".split())
"""Words of the bot's own name in a mention."""

STATUS_WORDS = frozenset("show status overview".split())
"""Enough by themselves: "status", "show me"."""

FILLERS = frozenset(
    """a an and as at back be by can could do for from give going have hey hi hello i i'd i'll i'm in instead it
    just kindly let like login logins main me my now of ok okay on onto over please pls primary same second secondary
    security setting settings sign signin sign-in signing thanks thank that the then this through to today u up using
    via way with would yes you your option options registered all current currently right there bot mfabot""".split()
)
"""Words that change nothing about what is meant."""

QUESTIONS = frozenset("what what's whats which is are am does isn't aren't".split())
"""With one of these and no set word, a sentence asks how things stand: "is push my default?"."""

BLOCKERS = frozenset(
    """not no never don't dont doesn't doesnt didn't didnt won't wont can't cant cannot isnt wasn't
    shouldn't couldn't wouldn't stop avoid without except unless if when whether why how should did was were had has
    said says told asked wrote suppose imagine hypothetically maybe perhaps might may could've would've neither nor
    n't remove delete disable cancel undo only until before after because but or than rather yesterday tomorrow later
    soon wonder wondering thinking think considering what's-if ever anymore longer hate quit""".split()
)
"""Negation, hypothesis, report, condition, comparison: with one of these a sentence changes nothing by itself."""

UNDO_WORDS = frozenset("undo revert restore rollback roll reverse".split())
"""Words of putting back; by themselves they change nothing."""

HISTORY_WORDS = frozenset("history changes changelog".split())
"""Words of what was changed earlier."""

OTHERS = frozenset(
    """her hers his him their theirs them she he they colleague colleagues boss manager coworker co-worker someone somebody
    everyone everybody user users team wife husband friend employee staff caller teammate""".split()
)
"""Words for people other than the one who writes."""

NO_OWNERS = frozenset("who's that's it's let's today's yesterday's week's month's".split())
"""They end like "Ann's" and name nobody."""

GREETINGS = frozenset(
    ("hi", "hello", "hey", "hi there", "hello there", "hey there", "good morning", "good afternoon", "good evening",
     "good day", "hi bot", "hello bot", "hey bot", "howdy", "greetings", "yo", "morning")
)  # fmt: skip

HELP = frozenset(
    ("help", "help me", "please help", "help please", "what can you do", "what do you do", "commands", "menu", "info",
     "who are you", "what are you", "how does this work", "how do you work", "what can i say", "what can i ask",
     "how can you help", "how can you help me", "i need help", "can you help me", "can you help", "start")
)  # fmt: skip
