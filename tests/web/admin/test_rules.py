"""Keyword rules in the console: edited, tried, replayed, saved."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from bs4 import Tag

from bridge.domain.settings_changes import Documents
from bridge.domain.settings_file import parse
from bridge.store import changes, settings
from bridge.store.database import Transaction
from bridge.store.replay import AT_ONCE
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin.rule_form import CARRIERS
from tests.store.rows import SENDER, add_message
from tests.web.admin.people import Answer, Person

LIST = "/admin/rules"
SETTINGS = """
[[senders]]
number = "+12025550100"
carrier = "twilio"
name = "Acme"

[[senders]]
number = "+18005550199"
carrier = "twilio"
kind = "toll_free"

[[lists]]
name = "vip"

[[hours]]
name = "office"
zone = "Europe/Berlin"
open = ["Mon-Fri 09:00-17:00"]

[[keywords]]
words = ["JOIN", "VIP"]
lists = ["vip"]
reply = "Welcome. Reply STOP to end."
"""
RULE = {"words": "JOIN2, join three", "lists": "vip", "reply": "Hello", "match": "message"}


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    file = parse(SETTINGS, CARRIERS)
    await database.write(lambda tx: settings.import_settings(tx, file, CARRIERS, prune=False))


async def stored(database: SqliteDatabase) -> Documents:
    return await database.read(settings.load_documents)


async def version(person: Person, path: str = f"{LIST}/new") -> str:
    field = (await person.get(path)).page.select_one('input[name="version"]')
    assert isinstance(field, Tag)
    return str(field["value"])


async def save(
    person: Person, path: str = f"{LIST}/new", fields: Mapping[str, str] = RULE
) -> Answer:
    return await person.post(path, {"version": await version(person, path), **fields})


async def test_rules_are_listed_with_what_they_do(viewer: Person) -> None:
    answer = await viewer.get(LIST)

    (rule,) = answer.see("rule")
    assert "JOIN VIP" in rule
    assert "The whole text is the word" in rule
    assert "subscribes to vip" in rule
    assert "Reply STOP to end." in rule


async def test_reserved_words_are_shown_with_the_reason(viewer: Person) -> None:
    text = (await viewer.get(LIST)).text

    for word in ("STOPALL", "退订", "UNSTOP", "AYUDA"):
        assert f"<bdi>{word}</bdi>" in text
    assert "The law and the carriers keep these" in text
    assert "lift an opt-out, and nothing else does" in text


async def test_a_rule_is_saved_logged_and_counts(manager: Person, database: SqliteDatabase) -> None:
    before = await database.read(settings.settings_version)

    answer = await save(manager)

    assert (answer.status, answer.location) == (303, f"{LIST}?said=changed")
    rule = (await stored(database)).keywords[-1]
    assert (rule.words, rule.lists, rule.reply) == (("JOIN2", "join three"), ("vip",), "Hello")
    assert await database.read(settings.settings_version) > before
    (change,) = await database.read(lambda tx: changes.list_changes(tx, limit=1))
    assert (change.who, change.subject, change.what) == ("the manager", "keyword rule", "added")


async def test_what_the_console_saves_comes_out_of_the_file_again(
    manager: Person, database: SqliteDatabase
) -> None:
    fields = {
        **RULE,
        "match": "any_word",
        "senders": SENDER,
        "confirm": "Sure?\r\nReply YES",
        "set_tags": "Gold, silver",
        "ticket": "yes",
    }
    await save(manager, fields=fields)

    exported = await database.read(settings.export_settings)
    plan = await database.read(
        lambda tx: settings.preview_import(tx, parse(exported, CARRIERS), CARRIERS, prune=True)
    )

    assert plan.changes == ()
    rule = (await stored(database)).keywords[-1]
    assert rule.set_tags == ("gold", "silver")
    assert rule.confirm == "Sure?\nReply YES"
    assert rule.key == f"JOIN2 (any_word, {SENDER})"
    assert (await manager.get(f"{LIST}/{rule.key.replace(' ', '%20')}")).status == 200


async def test_a_rule_is_changed_in_its_place(manager: Person, database: SqliteDatabase) -> None:
    answer = await save(manager, f"{LIST}/JOIN", {**RULE, "words": "ENTER"})

    assert answer.status == 303
    (rule,) = (await stored(database)).keywords
    assert (rule.words, rule.reply) == (("ENTER",), "Hello")


async def test_a_rule_is_taken_away(manager: Person, database: SqliteDatabase) -> None:
    answer = await manager.post(f"{LIST}/JOIN/remove")

    assert answer.location == f"{LIST}?said=removed"
    assert (await stored(database)).keywords == ()
    assert (await manager.post(f"{LIST}/JOIN/remove")).status == 409


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({"words": ""}, "words", "at least 1"),
        ({"words": "STOP"}, "words", "opt-out word"),
        ({"words": "vip"}, "words", "has a rule already"),
        ({"lists": "gone"}, "lists", "no list"),
        ({"match": "odd"}, "match", "must be"),
    ],
)
async def test_a_faulty_rule_is_shown_again_with_what_to_mend(
    manager: Person, database: SqliteDatabase, fields: dict[str, str], field: str, why: str
) -> None:
    before = await stored(database)

    answer = await save(manager, fields={**RULE, **fields})

    assert answer.status == 422
    fault = answer.page.select_one(f"#fault-{field}")
    assert fault is not None
    assert why in fault.get_text()
    assert await stored(database) == before
    kept = answer.page.select_one("#reply")
    assert kept is not None
    assert kept.get_text() == "Hello"


async def test_somebody_elses_change_is_not_written_over(
    manager: Person, database: SqliteDatabase
) -> None:
    seen = await version(manager, f"{LIST}/JOIN")
    await save(manager)
    before = await stored(database)

    answer = await manager.post(f"{LIST}/JOIN", {**RULE, "words": "OTHER", "version": seen})

    assert answer.status == 409
    assert "while this page was open" in answer.see("warning")[0]
    assert await stored(database) == before
    fresh = answer.page.select_one('input[name="version"]')
    assert fresh is not None
    again = {**RULE, "words": "OTHER", "version": str(fresh["value"])}
    assert (await manager.post(f"{LIST}/JOIN", again)).status == 303


async def test_rules_that_meet_the_same_texts_say_so_where_they_stand(
    manager: Person,
) -> None:
    await save(manager, fields={**RULE, "words": "JOIN", "match": "any_word"})

    told = (await manager.get(LIST)).see("clash")

    assert "“JOIN”: this rule comes before JOIN (any_word)" in told[0]
    assert "“JOIN”: the rule JOIN comes first" in told[1]


async def test_a_text_is_tried_on_a_rule_that_is_not_saved(
    viewer: Person, database: SqliteDatabase
) -> None:
    before = await stored(database)

    answer = await viewer.post(f"{LIST}/try", {**RULE, "tried": "join2!", "tried_on": SENDER})

    assert answer.see("verdict") == ["Met a keyword rule"]
    assert answer.see("tried-reply") == ["Hello"]
    assert answer.see("size") == ["1 segment, GSM-7"]
    assert answer.see("effects") == ["subscribes to vip"]
    assert await stored(database) == before
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    ("fields", "verdict", "reply"),
    [
        ({"tried": "can I join2 you"}, "Made a ticket or comment", []),
        ({"tried": "STOP"}, "Opted out", []),
        ({"tried": "join2", "who": "opted_out"}, "Met a keyword rule", []),
        ({"tried": "join2", "reply": "Grüße 🎉"}, "Met a keyword rule", ["Grüße 🎉"]),
        ({"tried": "join", "words": "STOP"}, "Met a keyword rule", ["Welcome. Reply STOP to end."]),
        ({"tried": "join", "words": ""}, "Met a keyword rule", ["Welcome. Reply STOP to end."]),
    ],
)
async def test_the_tester_knows_what_would_follow(
    viewer: Person, fields: dict[str, str], verdict: str, reply: list[str]
) -> None:
    answer = await viewer.post(f"{LIST}/try", {**RULE, "tried_on": SENDER, **fields})

    assert answer.see("verdict") == [verdict]
    assert answer.see("tried-reply") == reply


async def test_an_emoji_is_told_to_make_a_text_dearer(viewer: Person) -> None:
    fields = {**RULE, "reply": "🎉" * 40, "tried": "join2", "tried_on": SENDER}

    (size,) = (await viewer.post(f"{LIST}/try", fields)).see("size")

    assert size == "2 segments, UCS-2"


async def test_the_preview_says_what_a_reply_costs_and_why(viewer: Person) -> None:
    fields = {**RULE, "reply": "Ça va? " + "ş" * 80, "tried": "join2", "tried_on": SENDER}

    answer = await viewer.post(f"{LIST}/try", fields)

    assert answer.see("cost") == ["costs as 2 texts"]
    assert answer.see("dear") == ["ş needs UCS-2, with less than half the room."]


async def test_a_rule_on_a_wish_to_stop_is_told_that_the_wish_comes_first(
    manager: Person,
) -> None:
    await save(manager, fields={**RULE, "words": "NO MORE TEXTS"})

    told = (await manager.get(LIST)).see("clash")

    assert "“NO MORE TEXTS” is a wish to stop: that comes before every rule, always." in told
    assert "whole sentences of many languages are understood" in (await manager.get(LIST)).text


async def test_a_keyword_that_another_rule_holds_is_told_where_it_stands(manager: Person) -> None:
    await save(manager, fields={**RULE, "words": "JOIN2", "match": "any_word"})

    answer = await manager.post(
        f"{LIST}/try", {**RULE, "words": "JOIN2 NOW", "match": "any_word", "tried": "x"}
    )

    (told,) = answer.see("tried-clash")
    assert told == "“JOIN2 NOW”: the rule JOIN2 (any_word) comes first, always."


async def test_a_replay_shows_what_would_have_gone_another_way(
    viewer: Person, database: SqliteDatabase
) -> None:
    now = (await database.write(lambda tx: tx.now_ms())) - 1000
    for number, body in enumerate(["join2", "JOIN2!", "join", "hello", "can I join2 you"]):
        await add_message(database, f"m{number}", body=body, created_at=now + number)
    await add_message(database, "old", body="join2", created_at=now - 8 * 24 * 3600 * 1000)

    week = await viewer.post(f"{LIST}/replay", {**RULE, "days": "7"})
    month = await viewer.post(f"{LIST}/replay", {**RULE, "days": "30"})
    none = await viewer.post(f"{LIST}/replay", {**RULE, "words": "OTHER", "days": "7"})

    assert len(week.see("difference")) == 2
    assert "made a ticket or comment → met a keyword rule (JOIN2)" in week.see("difference")[0]
    assert week.see("replay-end") == ["2 of 5 texts within 7 days would have gone another way."]
    assert month.see("replay-end")[0].startswith("3 of 6 texts")
    assert none.see("replay-end")[0].startswith("0 of 5 texts")


async def test_a_long_replay_goes_on_by_itself_and_counts_each_text_once(
    viewer: Person, database: SqliteDatabase
) -> None:
    now = await database.write(lambda tx: tx.now_ms())

    def fill(tx: Transaction) -> None:
        for number in range(AT_ONCE + 5):
            body = "join2" if number % 500 == 0 else "hello"
            tx.run(
                "INSERT INTO messages (id, direction, kind, sender, customer, carrier, carrier_id, "
                "body, state, created_at, updated_at) VALUES ($1, 'inbound', 'text', $2, '+1202', "
                "'twilio', $1, $3, 'done', $4, $4)",
                *(f"t{number}", SENDER, body, now - number // 10),
            )

    await database.write(fill)

    first = await viewer.post(f"{LIST}/replay", {**RULE, "days": "1"})
    end = first.page.select_one(".replay-end")
    assert end is not None
    assert end["hx-trigger"] == "load"
    vals = eval(str(end["hx-vals"]))
    assert vals["replay_done"] == AT_ONCE
    carried = {name: str(value) for name, value in vals.items()}
    last = await viewer.post(f"{LIST}/replay", {**RULE, "days": "1", **carried})

    assert last.see("replay-end") == ["3 of 1 005 texts within 1 day would have gone another way."]


@pytest.mark.parametrize(
    "fields",
    [{"days": "3"}, {"days": "x"}, {"replay_before": "x"}, {"replay_done": "-1"}],
    ids=str,
)
async def test_a_replay_that_makes_no_sense_is_refused(
    viewer: Person, fields: dict[str, str]
) -> None:
    answer = await viewer.post(f"{LIST}/replay", {**RULE, "days": "7", **fields})

    assert answer.status == 400


async def test_a_viewer_sees_a_rule_and_can_not_save_it(
    viewer: Person, database: SqliteDatabase
) -> None:
    answer = await viewer.get(f"{LIST}/JOIN")
    before = await stored(database)

    assert "Save the rule" not in answer.text
    assert answer.page.select("fieldset[disabled]")
    assert (await viewer.post(f"{LIST}/JOIN", RULE)).status == 403
    assert await stored(database) == before
