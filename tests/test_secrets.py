from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.errors import UserMistake
from bridge.secrets import derive_key, seal, unseal

KEY = "a key of more than sixteen letters"


def test_what_was_sealed_can_be_opened_with_the_same_key() -> None:
    sealed = seal("whsec_grün", KEY)

    assert "whsec" not in sealed
    assert unseal(sealed, KEY) == "whsec_grün"


@pytest.mark.parametrize(
    "sealed",
    [seal("x", "another key, also long"), "rubbish", "", "ä"],
    ids=["another key", "rubbish", "nothing", "not ASCII"],
)
def test_what_another_key_sealed_is_refused_in_words(sealed: str) -> None:
    with pytest.raises(UserMistake, match="BRIDGE_SECRET_KEY: not the one"):
        unseal(sealed, KEY)


def test_no_key_serves_two_purposes() -> None:
    assert derive_key(KEY, "sessions") == derive_key(KEY, "sessions")
    assert derive_key(KEY, "sessions") != derive_key(KEY, "numbers in logs")
    assert len(derive_key(KEY, "sessions")) == 32


@pytest.mark.parametrize("secret", [KEY, "k" * 200, "schlüssel mit umlaut"])
def test_keys_are_derived_as_the_specification_says(secret: str) -> None:
    oracle = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"bridge sessions")

    assert derive_key(secret, "sessions") == oracle.derive(secret.encode())
