-- Updates of tickets are counted, and lanes that need none go before those that do.

CREATE TABLE updates (
    id            INTEGER PRIMARY KEY,
    ticket_id     BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    refused_until BIGINT
);
CREATE INDEX updates_by_ticket ON updates (ticket_id, at);
CREATE INDEX updates_by_time ON updates (at);

ALTER TABLE lanes ADD COLUMN rank BIGINT NOT NULL DEFAULT 1 CHECK (rank BETWEEN 0 AND 3);
DROP INDEX lanes_due;
CREATE INDEX lanes_due ON lanes (account, rank, due_at);
