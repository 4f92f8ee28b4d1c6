-- Who may use the console, who is signed in, and what was changed by whom.

CREATE TABLE users (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    folded       TEXT NOT NULL UNIQUE,
    role         TEXT NOT NULL CHECK (role IN ('admin', 'manager', 'viewer')),
    password     TEXT,
    created_at   BIGINT NOT NULL,
    disabled_at  BIGINT,
    signed_in_at BIGINT
);

CREATE TABLE sessions (
    token    TEXT PRIMARY KEY,
    user_id  TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_time ON sessions (began_at);

CREATE TABLE sign_in_links (
    token   TEXT PRIMARY KEY,
    user_id TEXT,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sign_in_links_by_user ON sign_in_links (user_id);

CREATE TABLE sign_in_tries (
    subject  TEXT PRIMARY KEY,
    tries    BIGINT NOT NULL,
    began_at BIGINT NOT NULL
);
CREATE INDEX sign_in_tries_by_time ON sign_in_tries (began_at);

CREATE TABLE changes (
    id      INTEGER PRIMARY KEY,
    at      BIGINT NOT NULL,
    how     TEXT NOT NULL CHECK (how IN ('console', 'api', 'command')),
    who     TEXT,
    subject TEXT NOT NULL,
    name    TEXT NOT NULL,
    what    TEXT NOT NULL,
    before  TEXT,
    after   TEXT
);
CREATE INDEX changes_by_subject ON changes (subject, id);

-- only: sqlite
CREATE TRIGGER changes_are_not_changed BEFORE UPDATE ON changes
    BEGIN SELECT RAISE(ABORT, 'the log of changes is never changed'); END;
-- only: sqlite
CREATE TRIGGER changes_are_not_deleted BEFORE DELETE ON changes
    BEGIN SELECT RAISE(ABORT, 'the log of changes is never changed'); END;
-- only: postgres
CREATE FUNCTION refuse_to_rewrite_changes() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''the log of changes is never changed''
        USING ERRCODE = ''integrity_constraint_violation''; END';
-- only: postgres
CREATE TRIGGER changes_are_not_changed BEFORE UPDATE OR DELETE ON changes
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite_changes();

-- The console lists conversations by the last word said in them.
ALTER TABLE conversations ADD COLUMN last_at BIGINT NOT NULL DEFAULT 0;
UPDATE conversations SET last_at = CASE
    WHEN coalesce(last_inbound_at, 0) > coalesce(last_outbound_at, 0) THEN last_inbound_at
    ELSE coalesce(last_outbound_at, created_at) END;
CREATE INDEX conversations_by_last ON conversations (last_at, id);
CREATE INDEX conversations_by_sender ON conversations (sender, last_at, id);
CREATE INDEX messages_by_time ON messages (created_at, direction, state, verdict);
-- Names are searched by their beginning, whatever their case.
ALTER TABLE contacts ADD COLUMN folded TEXT;
CREATE INDEX contacts_by_name ON contacts (folded);
CREATE INDEX contacts_by_time ON contacts (created_at, address);
CREATE INDEX memberships_by_list ON memberships (list, state, contact);
CREATE INDEX work_by_due ON work (due_at, id) WHERE state = 'waiting';
