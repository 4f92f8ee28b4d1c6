from __future__ import annotations

import pytest

from bridge.domain.directory import CarrierWords
from bridge.domain.settings_file import SettingsFile, parse
from bridge.errors import UserMistake

CARRIERS: CarrierWords = {
    "twilio": {
        "long_code": {"HELP": frozenset({"HELP", "INFO"}), "STOP": frozenset({"STOP"})},
        "toll_free": {"HELP": frozenset({"HELP"})},
        "short_code": {},
    }
}

HOURS = '[[hours]]\nname = "office"\nzone = "America/New_York"\nopen = ["Mon-Fri 09:00-17:00"]\n'
REPLY = '[[auto_replies]]\nname = "usual"\ngreeting = "Hello"\n'
SENDER = '[[senders]]\nnumber = "+12025550100"\ncarrier = "twilio"\n'


def read(text: str) -> SettingsFile:
    return parse(text, CARRIERS)


def test_the_documented_example_is_read() -> None:
    file = read(
        SENDER + 'country = "US"\nkind = "long_code"\nname = "Acme"\ntags = ["us"]\n'
        'tickets_from = "subscribers"\npace = 0.5\nanswers = ["HELP"]\n'
        'texts = {stop = "Bye", help = "Call us"}\non_uncertain = "hold"\n'
        '[[lists]]\nname = "vip"\n'
        '[[keywords]]\nwords = ["JOIN", "VIP"]\nmatch = "message"\nsenders = ["+12025550100"]\n'
        'lists = ["vip"]\nreply = "Welcome to VIP. Reply STOP to end."\nticket = false\n'
    )

    assert file.senders[0].pace == 0.5
    assert file.senders[0].texts.stop == "Bye"
    assert file.lists[0].name == "vip"
    assert file.keywords[0].words == ("JOIN", "VIP")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = ", "line 1: not TOML: Invalid value"),
        ("x = 1\nx = 2\n", "line 2, column 6: not TOML: Cannot overwrite a value"),
        ('[[sender]]\nnumber = "1"\n', "line 1: sender: there is no such section; did you mean"),
        ('[senders]\nnumber = "1"\n', "line 1: senders: must be entries, each headed by [[send"),
        ('\n[[sinks]]\nname = "x"\n', "line 2: sinks: this version does not have this section"),
        ('[[senders]]\ncarrier = "twilio"\n', "line 1: senders 1, number: is missing"),
        (SENDER + 'coutry = "US"\n', "line 4: senders 1, coutry: there is no such key; did you"),
        (SENDER + "pace = true\n", "line 4: senders 1, pace: must be a number, without quotes"),
        (SENDER + 'pace = "2"\n', "line 4: senders 1, pace: must be a number, without quotes"),
        (SENDER + "pace = 0\n", "line 4: senders 1, pace: must be above 0"),
        (SENDER + 'tags = "us"\n', "line 4: senders 1, tags: must be a list"),
        (SENDER + 'tags = [\n"us",\n"a b"]\n', "line 4: senders 1, tags: 'a b': a tag has no"),
        (SENDER + 'texts = "Bye"\n', "line 4: senders 1, texts: must be a table"),
        (SENDER + "texts = {stop = 1}\n", "line 4: senders 1, texts.stop: must be text, in quotes"),
        (SENDER + f'name = "{"x" * 81}"\n', "line 4: senders 1, name: is longer than 80 characte"),
        (SENDER + 'kind = "mobile"\n', "line 4: senders 1, kind: must be 'long_code', 'toll_free'"),
        (SENDER + 'country = "GB"\n', "line 2: senders 1, number: the number's country code"),
        (SENDER + SENDER, "line 5: senders 2, number: stands in senders 1 already"),
        (SENDER.replace("twilio", "vonage"), 'line 3: senders 1, carrier: "vonage" is not a carr'),
        (SENDER.replace("+12025550100", "Acme"), "line 2: senders 1, number: a sender name made"),
        ('[[lists]]\nname = "a"\n[[lists]]\nname = "A"\n', "line 4: lists 2, name: stands in lis"),
        ("[[keywords]]\nwords = []\n", "line 2: keywords 1, words: must hold at least 1"),
        ('[[keywords]]\nwords = ["!"]\n', "line 2: keywords 1, words: '!' holds no letter"),
        ('[[keywords]]\nwords = ["Stop!"]\n', '"Stop!" is an opt-out word: the law'),
        ('[[keywords]]\nwords = ["a", "yes"]\n', '"yes" is an opt-in word'),
        ('[[keywords]]\nwords = ["HELP", "a"]\n', '"HELP" asks for help: it needs a rule without'),
        ('[[keywords]]\nwords = ["INFO"]\nlists = ["a"]\n', "line 3: keywords 1, lists: a rule on"),
        ('[[keywords]]\nwords = ["a"]\nhours = 9\n', "line 3: keywords 1, hours: must be text"),
        (HOURS.replace("America/New_York", "New York"), "line 3: hours 1, zone: 'New York' is not"),
        (HOURS.replace("09:00", "9:00"), "line 4: hours 1, open: 'Mon-Fri 9:00-17:00' is not like"),
        (HOURS.replace("17:00", "09:00"), "hours 1, open: 'Mon-Fri 09:00-09:00' ends when it"),
        (HOURS + 'holidays = ["2026-02-30"]\n', "line 5: hours 1, holidays: '2026-02-30': there"),
        (HOURS + 'holidays = ["Xmas"]\n', "line 5: hours 1, holidays: 'Xmas' is not like"),
        (HOURS + HOURS, "line 6: hours 2, name: stands in hours 1 already"),
        (REPLY + "quiet_hours = 0\n", "line 4: auto_replies 1, quiet_hours: must be at least 1"),
        (REPLY + 'greting = "x"\n', "auto_replies 1, greting: there is no such key; did you mean"),
        ('[[keywords]]\nwords = ["a"]\nconfirm = "ok?"\n', "line 3: keywords 1, confirm: asks to"),
        (
            '[[keywords]]\nwords = ["a"]\nlists = ["l"]\nunsubscribe = ["l"]\n',
            'line 4: keywords 1, unsubscribe: "l" stands in lists, too',
        ),
    ],
    ids=[f"fault {number}" for number in range(1, 39)],
)
def test_a_fault_is_told_with_line_key_and_reason(text: str, line: str) -> None:
    with pytest.raises(UserMistake) as caught:
        read(text)

    assert line in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_every_fault_is_told_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(UserMistake) as caught:
        read(SENDER + 'pace = 0\ncolour = "red"\n[[keywords]]\nwords = ["STOP", "START"]\n[x]\n')

    places = [line.split(": ")[:2] for line in str(caught.value).splitlines()]
    assert places == [
        ["line 4", "senders 1, pace"],
        ["line 5", "senders 1, colour"],
        ["line 7", "keywords 1, words"],
        ["line 7", "keywords 1, words"],
        ["line 8", "x"],
    ]


def test_help_may_be_given_a_reply() -> None:
    file = read('[[keywords]]\nwords = ["HELP", "INFO"]\nreply = "Call us"\nticket = false\n')

    assert file.keywords[0].reply == "Call us"
