-- Parts of long texts, where a carrier hands those on in parts.

CREATE TABLE pieces (
    id         INTEGER PRIMARY KEY,
    carrier    TEXT NOT NULL,
    carrier_id TEXT NOT NULL,
    sender     TEXT NOT NULL,
    customer   TEXT NOT NULL,
    ref        TEXT NOT NULL,
    number     BIGINT NOT NULL,
    total      BIGINT NOT NULL,
    body       TEXT,
    sent_at    BIGINT,
    at         BIGINT NOT NULL,
    joined_at  BIGINT,
    CHECK ((body IS NULL) = (joined_at IS NOT NULL)),
    UNIQUE (carrier, carrier_id)
);
CREATE INDEX pieces_alone ON pieces (at) WHERE joined_at IS NULL;
CREATE INDEX pieces_joined ON pieces (joined_at) WHERE joined_at IS NOT NULL;
