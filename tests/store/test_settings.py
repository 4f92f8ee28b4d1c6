"""Importing and exporting the settings file, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import SystemClock
from bridge.domain.directory import CarrierWords, DeskRecord
from bridge.domain.settings_changes import Documents, Plan, plan_import
from bridge.domain.settings_file import parse
from bridge.errors import UserMistake
from bridge.store import settings
from bridge.store.database import Database
from tests.stores import open_store

CARRIERS: CarrierWords = {
    "twilio": {"long_code": {"HELP": frozenset({"HELP", "INFO"})}, "short_code": {}}
}
ACME = '[[senders]]\nnumber = "+12025550100"\ncarrier = "twilio"\nname = "Acme"\n'
SHORT = '[[senders]]\nnumber = "50500"\ncountry = "US"\nkind = "short_code"\ncarrier = "twilio"\n'
VIP = '[[lists]]\nname = "vip"\n'
JOIN = '[[keywords]]\nwords = ["JOIN", "VIP"]\nlists = ["vip"]\nreply = "Welcome"\n'


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    async with open_store(store_url, SystemClock()) as opened:
        yield opened


async def load(database: Database, text: str, *, prune: bool = False) -> list[str]:
    file = parse(text, CARRIERS)
    plan = await database.write(
        lambda tx: settings.import_settings(tx, file, CARRIERS, prune=prune)
    )
    return [str(change) for change in plan.changes]


async def test_an_import_sets_what_the_file_names(database: Database) -> None:
    changes = await load(database, ACME + SHORT + VIP + JOIN)

    assert changes == [
        "sender +12025550100: added",
        "sender US:50500: added",
        "list vip: added",
        "keyword rule JOIN: added",
    ]
    directory = await database.read(settings.load_directory)
    assert list(directory.senders) == ["+12025550100", "US:50500"]
    assert directory.lists == ("vip",)
    found = directory.rules.find("vip", "+12025550100")
    assert found is not None
    assert found[0].reply == "Welcome"


async def test_a_second_import_changes_nothing_and_is_no_new_version(
    database: Database,
) -> None:
    await load(database, ACME + VIP + JOIN)
    version = await database.read(settings.settings_version)

    assert await load(database, ACME + VIP + JOIN) == []
    assert await load(database, ACME + VIP + JOIN, prune=True) == []
    assert await database.read(settings.settings_version) == version


async def test_every_change_is_a_new_version_and_is_announced(database: Database) -> None:
    told: list[str] = []
    database.listen(settings.SETTINGS, lambda: told.append("changed"))

    versions = []
    for text in (ACME, VIP):
        await load(database, text)
        versions.append(await database.read(settings.settings_version))

    assert versions == [1, 2]
    assert told == ["changed", "changed"]


async def test_what_the_file_does_not_name_stays_unless_pruned(database: Database) -> None:
    await load(database, ACME + SHORT + VIP + JOIN)

    assert await load(database, ACME.replace("Acme", "Acme Ltd")) == [
        "sender +12025550100: changed name"
    ]
    assert await load(database, ACME, prune=True) == [
        "sender +12025550100: changed name",
        "sender US:50500: removed",
        "list vip: removed",
        "keyword rule JOIN: removed",
    ]


async def test_an_entry_becomes_just_what_the_file_says(database: Database) -> None:
    await load(database, ACME + "pace = 2\n")

    assert await load(database, ACME) == ["sender +12025550100: changed pace"]


async def test_a_rule_takes_its_words_over(database: Database) -> None:
    await load(database, VIP + JOIN)

    changes = await load(database, '[[keywords]]\nwords = ["Join!"]\nreply = "Hi"\n')

    assert changes == ["keyword rule VIP: changed words (-JOIN)", "keyword rule JOIN: added"]
    directory = await database.read(settings.load_directory)
    assert [(rule.words, rule.reply) for rule in directory.keywords.values()] == [
        (("VIP",), "Welcome"),
        (("Join!",), "Hi"),
    ]


async def test_a_rule_that_loses_all_its_words_goes(database: Database) -> None:
    await load(database, VIP + JOIN + '[[keywords]]\nwords = ["CLUB"]\nreply = "Club"\n')

    changes = await load(database, '[[keywords]]\nwords = ["club", "vip", "join"]\nreply = "Hi"\n')

    assert changes == [
        "keyword rule CLUB: changed words (+club, +vip, +join, -CLUB), reply",
        "keyword rule JOIN: removed",
    ]


async def test_the_same_word_for_other_senders_is_another_rule(database: Database) -> None:
    await load(database, ACME + VIP + JOIN)
    only_acme = parse(JOIN.replace("lists", 'senders = ["+1 202-555-0100"]\nlists'), CARRIERS)

    plan = await database.write(
        lambda tx: settings.import_settings(tx, only_acme, CARRIERS, prune=False)
    )

    assert [str(change) for change in plan.changes] == ["keyword rule JOIN (+12025550100): added"]
    (warning,) = plan.warnings
    assert warning == (
        "keyword rules JOIN (+12025550100) and JOIN overlap on JOIN, VIP: the first wins, and the "
        "second is not always met"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (JOIN.replace("vip", "vop"), 'line 3: keywords 1, lists: there is no list "vop"; did you'),
        (
            JOIN + 'senders = ["+12025550199"]\n',
            'line 5: keywords 1, senders: there is no sender "+12025550199"',
        ),
        (JOIN + JOIN, 'line 6: keywords 2, words: "join" stands in keywords 1 already'),
    ],
    ids=["list", "sender", "word twice"],
)
async def test_a_file_that_does_not_fit_is_refused_whole(
    database: Database, text: str, fault: str
) -> None:
    await load(database, VIP)

    with pytest.raises(UserMistake) as caught:
        await load(database, ACME + text)

    assert fault.partition(": ")[2] in str(caught.value)
    assert str(caught.value).startswith("line ")
    assert (await database.read(settings.load_directory)).senders == {}


async def test_pruning_takes_no_list_away_that_a_rule_of_the_file_needs(
    database: Database,
) -> None:
    await load(database, VIP)

    with pytest.raises(UserMistake, match='there is no list "vip"'):
        await load(database, JOIN, prune=True)


async def test_short_codes_may_be_named_without_their_country(database: Database) -> None:
    await load(database, SHORT + '[[keywords]]\nwords = ["A"]\nreply = "x"\nsenders = ["50500"]\n')

    directory = await database.read(settings.load_directory)
    assert directory.keywords["A (US:50500)"].senders == frozenset({"US:50500"})


async def test_the_order_of_the_file_counts(database: Database) -> None:
    first = '[[keywords]]\nwords = ["A"]\nreply = "a"\n'
    second = '[[keywords]]\nwords = ["B"]\nreply = "b"\n'
    await load(database, first + second)

    assert await load(database, second + first) == ["keyword rule (all): changed order"]
    assert await load(database, second + first) == []


async def test_an_export_can_be_imported_again_and_anywhere(
    database: Database, tmp_path: Path
) -> None:
    quotes = '[[keywords]]\nwords = ["Größe"]\nreply = "a\\n\\"b\\" \\u0001 \U0001f600"\n'
    await load(database, ACME + 'texts = {stop = "Bye"}\n' + SHORT + VIP + JOIN + quotes)
    exported = await database.read(settings.export_settings)

    assert await load(database, exported, prune=True) == []

    (tmp_path / "other").mkdir()
    async with open_store(tmp_path / "other", SystemClock()) as other:
        await load(other, exported)
        assert await other.read(settings.export_settings) == exported


async def test_help_reply_that_the_carrier_keeps_from_being_sent_is_pointed_out(
    database: Database,
) -> None:
    text = ACME + SHORT + '[[keywords]]\nwords = ["HELP"]\nreply = "Call us"\n'

    def warnings(text: str) -> tuple[str, ...]:
        return plan_import(Documents(), parse(text, CARRIERS), CARRIERS, prune=False).warnings

    (warning,) = warnings(text)
    assert warning.startswith("sender +12025550100: twilio answers HELP itself, so the reply set")
    assert warnings(text.replace('name = "Acme"', 'answers = ["HELP"]')) == ()


async def test_a_preview_stores_nothing(database: Database) -> None:
    file = parse(ACME, CARRIERS)

    plan = await database.read(lambda tx: settings.preview_import(tx, file, CARRIERS, prune=False))

    assert [str(change) for change in plan.changes] == ["sender +12025550100: added"]
    assert await database.read(settings.settings_version) == 0


async def test_what_setup_made_is_kept_and_forgotten(database: Database) -> None:
    record = DeskRecord(webhook_id="01H", trigger_id=12, signing_secret="sealed")

    await database.write(lambda tx: settings.save_desk(tx, record))
    assert (await database.read(settings.load_directory)).desk == record

    await load(database, ACME, prune=True)
    assert await database.read(settings.load_desk) == record

    await database.write(lambda tx: settings.save_desk(tx, DeskRecord()))
    assert await database.read(settings.load_desk) == DeskRecord()


async def test_settings_of_a_newer_version_are_refused_in_words(database: Database) -> None:
    await database.write(
        lambda tx: tx.run(settings.PUT, "lists", "vip", 0, '{"name": "vip", "colour": "red"}')
    )

    with pytest.raises(UserMistake, match=r"can't be read by this version \(lists, vip\)"):
        await database.read(settings.load_directory)


WORDS = st.lists(st.sampled_from(["A", "B", "C", "D"]), min_size=1, max_size=3, unique=True)
RULE = st.builds(
    lambda words, match, reply: (
        f'[[keywords]]\nwords = {words!r}\nmatch = "{match}"\nreply = "{reply}"\n'
    ),
    WORDS,
    st.sampled_from(["message", "any_word"]),
    st.sampled_from(["x", "y"]),
)
FILES = st.lists(RULE, max_size=4).map("".join)


def _import(stored: Documents, text: str) -> Plan | None:
    try:
        return plan_import(stored, parse(text, CARRIERS), CARRIERS, prune=False)
    except UserMistake:  # one word twice
        return None


@given(st.lists(FILES, max_size=4), FILES)
def test_any_import_is_idempotent_and_gives_each_word_to_one_rule(
    earlier: list[str], text: str
) -> None:
    stored = Documents()
    for file in earlier:
        plan = _import(stored, file)
        stored = plan.documents if plan else stored

    plan = _import(stored, text)

    if plan is None:
        return
    again = _import(plan.documents, text)
    assert again is not None
    assert again.changes == ()
    assert bool(plan.changes) == (plan.documents != stored)
    words = [(rule.scope, word) for rule in plan.documents.keywords for word in rule.compared]
    assert len(words) == len(set(words))
    assert len({rule.key for rule in plan.documents.keywords}) == len(plan.documents.keywords)
