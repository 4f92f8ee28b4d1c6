-- Sweeps: looking for what webhooks missed.

ALTER TABLE messages ADD COLUMN sent_at BIGINT;
ALTER TABLE messages ADD COLUMN recovered TEXT
    CHECK (recovered IN ('missed', 'withheld'));

ALTER TABLE tickets ADD COLUMN swept_change BIGINT;

CREATE TABLE sweeps (
    account  TEXT NOT NULL,
    part     TEXT NOT NULL,
    position TEXT,
    since    BIGINT NOT NULL,
    asked_at BIGINT,
    done_at  BIGINT,
    PRIMARY KEY (account, part)
);

-- The kinds of work grow by 'sweep'. A check can't be changed in place everywhere, so the table is
-- made anew; the numbers are given anew too, in the old order.
ALTER TABLE work RENAME TO work_before_sweeps;
CREATE TABLE work (
    id              INTEGER PRIMARY KEY,
    ref             TEXT NOT NULL UNIQUE,
    lane            TEXT NOT NULL,
    account         TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('text', 'note', 'look', 'send', 'sweep')),
    message_id      TEXT,
    conversation_id TEXT,
    ticket_id       BIGINT,
    payload         TEXT NOT NULL DEFAULT '{}',
    intent          TEXT,
    state           TEXT NOT NULL CHECK (state IN ('waiting', 'failed')),
    attempts        BIGINT NOT NULL DEFAULT 0,
    starts          BIGINT NOT NULL DEFAULT 0,
    reason          TEXT,
    due_at          BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    failed_at       BIGINT
);
INSERT INTO work (ref, lane, account, kind, message_id, conversation_id, ticket_id, payload, intent,
                  state, attempts, starts, reason, due_at, created_at, failed_at)
    SELECT ref, lane, account, kind, message_id, conversation_id, ticket_id, payload, intent,
           state, attempts, starts, reason, due_at, created_at, failed_at
    FROM work_before_sweeps ORDER BY id;
DROP TABLE work_before_sweeps;
CREATE INDEX work_waiting ON work (lane, id) WHERE state = 'waiting';
CREATE INDEX work_failed ON work (failed_at, id) WHERE state = 'failed';
CREATE INDEX work_by_message ON work (message_id);
