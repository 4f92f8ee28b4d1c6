-- The whole database as a reader wants it. The numbered migrations in bridge/store/migrations/
-- end exactly here; a test proves it.
--
-- Times are UTC milliseconds. Addresses are E.164 ("+12025550100"), a short code with its country
-- ("US:50500") or a name that can't be answered ("name:MyBank"). JSON is kept as text and never
-- queried into: what is asked for has a column of its own.
--
-- These are SQLite's words. PostgreSQL gets the same tables and indexes: there INTEGER PRIMARY KEY
-- is a BIGINT identity, TEXT is TEXT COLLATE "C", BLOB is BYTEA, and the ledger's triggers call a
-- function.

-- Facts about this installation: settings_version; halted, since when all sending is; restored, where
-- it began from a backup (bridge/store/restored.py); place, on PostgreSQL, by which a restored dump is known;
-- clock_followed_to, on SQLite, where the machine's clock was set (bridge/store/leaps.py).
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE migrations (
    number     BIGINT PRIMARY KEY,
    name       TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);

-- What `bridge import` and `zendesk setup` set: one document a sender, list, keyword rule ...
CREATE TABLE settings (
    section  TEXT NOT NULL,          -- "senders", "lists", "keywords", "hours", "auto_replies",
                                     -- "templates", "desk"
    name     TEXT NOT NULL,          -- what identifies it within the section
    position BIGINT NOT NULL,
    document TEXT NOT NULL,          -- JSON
    PRIMARY KEY (section, name)
);

-- A phone at the other end, and what we know of it.
CREATE TABLE contacts (
    address       TEXT PRIMARY KEY,
    name          TEXT,
    email         TEXT,
    requester_id  BIGINT,            -- the desk's user, once resolved
    opted_out_at  BIGINT,            -- from the ledger's last word; NULL: may be texted
    opted_in_at   BIGINT,            -- from the ledger's last word; NULL: never asked for more
    landline_at   BIGINT,            -- when a carrier said that it takes no texts
    tags          TEXT NOT NULL DEFAULT '[]',
    created_at    BIGINT NOT NULL,
    folded        TEXT,              -- the name as it is searched: without case
    fields        TEXT NOT NULL DEFAULT '{}', -- what keyword rules have set
    stop_wish     TEXT               -- the text that may be a wish to stop; NULL again once a
                                     -- person, or STOP or START, has decided
);
CREATE INDEX contacts_by_wish ON contacts (address) WHERE stop_wish IS NOT NULL;
CREATE INDEX contacts_by_name ON contacts (folded);
CREATE INDEX contacts_by_time ON contacts (created_at, address);

-- The consent ledger: appended to, never changed (triggers below see to it).
CREATE TABLE consent (
    id         INTEGER PRIMARY KEY,
    contact    TEXT NOT NULL,
    sender     TEXT,                 -- the number of ours it was said to, where it was said to one
    action     TEXT NOT NULL CHECK (action IN
                   ('opt_out', 'opt_in', 'subscribe', 'unsubscribe', 'asked_to_confirm')),
    list       TEXT,                 -- for subscribe, unsubscribe, asked_to_confirm
    how        TEXT NOT NULL CHECK (how IN ('text', 'carrier', 'agent', 'admin', 'api')),
    words      TEXT,                 -- what was said, exactly
    rule       TEXT,                 -- the rule that understood it
    message_id TEXT,                 -- the text it was said in
    at         BIGINT NOT NULL
);
CREATE INDEX consent_by_contact ON consent (contact, id);
CREATE TRIGGER consent_is_not_changed BEFORE UPDATE ON consent
    BEGIN SELECT RAISE(ABORT, 'the consent ledger is never changed'); END;
CREATE TRIGGER consent_is_not_deleted BEFORE DELETE ON consent
    BEGIN SELECT RAISE(ABORT, 'the consent ledger is never changed'); END;

-- Who is on which list now; the ledger says how it came about.
CREATE TABLE memberships (
    contact TEXT NOT NULL,
    list    TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('subscribed', 'pending', 'unsubscribed')),
    since   BIGINT NOT NULL,
    rule    TEXT,                    -- for pending: the rule whose reply confirms it
    PRIMARY KEY (contact, list)
);
CREATE INDEX memberships_by_list ON memberships (list, state, contact);

-- One pair of a number of ours and a customer's.
CREATE TABLE conversations (
    id               TEXT PRIMARY KEY,
    sender           TEXT NOT NULL,
    customer         TEXT NOT NULL,
    ticket_id        BIGINT,         -- the linked ticket
    last_inbound_at  BIGINT,
    last_outbound_at BIGINT,
    warned_ticket_id BIGINT,         -- the ticket that says already that no reply can be sent
    created_at       BIGINT NOT NULL,
    last_at          BIGINT NOT NULL DEFAULT 0, -- the last word either way; at first created_at
    quiet_since      BIGINT,         -- the last greeting, or the last word that nobody is there
    UNIQUE (sender, customer)
);
CREATE INDEX conversations_by_last ON conversations (last_at, id);
CREATE INDEX conversations_by_sender ON conversations (sender, last_at, id);
CREATE INDEX conversations_by_customer ON conversations (customer);
CREATE INDEX conversations_by_ticket ON conversations (ticket_id);

-- Every ticket a conversation is or was linked to.
CREATE TABLE tickets (
    ticket_id       BIGINT NOT NULL,
    conversation_id TEXT NOT NULL,
    requester_id    BIGINT NOT NULL, -- at linking: a reply goes to nobody else
    replies_from    BIGINT NOT NULL, -- comments before this are not replies to this conversation
    linked_at       BIGINT NOT NULL,
    swept_change    BIGINT,          -- the desk's change that a sweep has had looked at
    PRIMARY KEY (ticket_id, conversation_id)
);
CREATE INDEX tickets_by_conversation ON tickets (conversation_id, linked_at);

-- How far a ticket's comments have been read.
CREATE TABLE cursors (
    ticket_id BIGINT PRIMARY KEY,
    read_to   BIGINT NOT NULL        -- the newest comment's time that has been seen
);

-- How far each far side has been asked for what its webhooks missed.
CREATE TABLE sweeps (
    account  TEXT NOT NULL,          -- "zendesk", or a carrier's name
    part     TEXT NOT NULL,          -- at a carrier the number of ours, at the desk ""
    position TEXT,                   -- the desk's own cursor; a carrier's newest text, UTC ms
    since    BIGINT NOT NULL,        -- what is older is history, and left alone
    asked_at BIGINT,                 -- the last call
    done_at  BIGINT,                 -- when there was last nothing left to ask for
    PRIMARY KEY (account, part)
);

-- Every text, both ways, as a person sees it.
CREATE TABLE messages (
    seq             INTEGER PRIMARY KEY,  -- order of arrival
    id              TEXT NOT NULL UNIQUE, -- ours; also the ticket's external id and the mark
    direction       TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    kind            TEXT NOT NULL CHECK (kind IN
                        ('text', 'reply', 'auto', 'opt_out_answer', 'conversation', 'campaign')),
    conversation_id TEXT,
    sender          TEXT NOT NULL,
    customer        TEXT NOT NULL,
    carrier         TEXT NOT NULL,
    carrier_id      TEXT,                 -- inbound: the carrier's id
    body            TEXT NOT NULL,
    media           TEXT NOT NULL DEFAULT '[]',
    handled         TEXT,                 -- inbound: STOP, START or HELP where the carrier said so
    verdict         TEXT CHECK (verdict IN ('ticket', 'opt_out', 'opt_in', 'keyword',
                        'not_consented', 'no_sender', 'loop')),
    why             TEXT,                 -- the verdict in words
    rule            TEXT,                 -- the rule or word that decided
    state           TEXT NOT NULL CHECK (state IN
                        ('received', 'waiting', 'working', 'done', 'failed',
                         'queued', 'sending', 'sent', 'delivered', 'undelivered',
                         'refused', 'uncertain')),
    error           TEXT,                 -- the far side's code
    reason          TEXT,                 -- what went wrong, in words
    ticket_id       BIGINT,
    comment_id      BIGINT,
    segments        BIGINT,
    cause_id        TEXT,                 -- the text that an automatic answer answers
    told_agent      BIGINT NOT NULL DEFAULT 0,  -- 1: of its failure; 2: retried since
    idempotency_key TEXT UNIQUE,          -- the API caller's
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    sent_at         BIGINT,               -- inbound: by the carrier's list, in whole seconds
    recovered       TEXT                  -- found by a sweep: its webhook got lost, or the carrier
                        CHECK (recovered IN ('missed', 'withheld'))  -- held the text back
);
CREATE UNIQUE INDEX messages_by_carrier_id ON messages (carrier, carrier_id)
    WHERE direction = 'inbound';
CREATE INDEX messages_by_conversation ON messages (conversation_id, seq);
CREATE INDEX messages_by_customer ON messages (customer, seq);
CREATE INDEX messages_by_sender ON messages (sender, seq);
CREATE INDEX messages_by_time ON messages (created_at, direction, state, verdict);
CREATE INDEX messages_by_state ON messages (state, seq);

-- The texts that an outbound message is sent as: one row each, with its own outcome.
CREATE TABLE parts (
    id         TEXT PRIMARY KEY,          -- travels in the status callback's address
    message_id TEXT NOT NULL,
    position   BIGINT NOT NULL,
    body       TEXT NOT NULL,
    segments   BIGINT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'delivered',
                   'undelivered', 'failed', 'refused', 'uncertain')),
    carrier    TEXT NOT NULL,
    carrier_id TEXT,
    error      TEXT,
    reason     TEXT,
    begun_at   BIGINT,                    -- the intent: a send may have left from this time on
    looks      BIGINT NOT NULL DEFAULT 0, -- how often the carrier was asked about a lost answer
    updated_at BIGINT NOT NULL,
    asked      BIGINT NOT NULL DEFAULT 0, -- how often a sweep has asked what became of it
    UNIQUE (message_id, position)
);
CREATE UNIQUE INDEX parts_by_carrier_id ON parts (carrier, carrier_id);
CREATE INDEX parts_without_end ON parts (carrier, asked, begun_at)
    WHERE state IN ('sending', 'sent') AND carrier_id IS NOT NULL;

-- Delivery reports that came before we knew the text they speak of.
CREATE TABLE early_reports (
    carrier    TEXT NOT NULL,
    carrier_id TEXT NOT NULL,
    state      TEXT NOT NULL,
    error      TEXT,
    reason     TEXT,
    at         BIGINT NOT NULL,
    PRIMARY KEY (carrier, carrier_id, state)
);
CREATE INDEX early_reports_by_time ON early_reports (at);

-- Every comment we have written or met, and what became of it.
CREATE TABLE comments (
    comment_id BIGINT PRIMARY KEY,
    ticket_id  BIGINT NOT NULL,
    origin     TEXT NOT NULL CHECK (origin IN ('ours', 'agent', 'other')),
    outcome    TEXT NOT NULL,             -- "sent", or why it was not
    message_id TEXT,
    at         BIGINT NOT NULL
);
CREATE INDEX comments_by_ticket ON comments (ticket_id, at);

-- Stored things to do. Order holds within a lane: "in:CONVERSATION" writes to the desk,
-- "out:CONVERSATION" sends texts, "consent:CONVERSATION" the answers to STOP and START,
-- "look:TICKET" reads comments, "sweep:ACCOUNT" looks for what webhooks missed.
CREATE TABLE work (
    id              INTEGER PRIMARY KEY,
    ref             TEXT NOT NULL UNIQUE, -- its name in the API and the CLI
    lane            TEXT NOT NULL,
    account         TEXT NOT NULL,        -- the far side it calls: a pause of it holds this up
    kind            TEXT NOT NULL CHECK (kind IN ('text', 'note', 'look', 'send', 'sweep')),
    message_id      TEXT,
    conversation_id TEXT,
    ticket_id       BIGINT,
    payload         TEXT NOT NULL DEFAULT '{}',
    intent          TEXT,                 -- the write that may have left: look before repeating
    state           TEXT NOT NULL CHECK (state IN ('waiting', 'failed')),
    attempts        BIGINT NOT NULL DEFAULT 0,
    starts          BIGINT NOT NULL DEFAULT 0,  -- begun and not ended: a crash each
    reason          TEXT,
    due_at          BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    failed_at       BIGINT
);
CREATE INDEX work_waiting ON work (lane, id) WHERE state = 'waiting';
CREATE INDEX work_by_due ON work (due_at, id) WHERE state = 'waiting';
CREATE INDEX work_failed ON work (failed_at, id) WHERE state = 'failed';
CREATE INDEX work_in_doubt ON work (lane) WHERE state = 'failed' AND intent IS NOT NULL;
CREATE INDEX work_by_message ON work (message_id);

-- A lane with work in it. Whoever claims it moves `due_at` past the lease's end.
CREATE TABLE lanes (
    lane    TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    due_at  BIGINT NOT NULL,
    lease   TEXT,                         -- the claim; every later write checks that it still holds
    rank    BIGINT NOT NULL DEFAULT 1     -- who goes first when not all can: 0 what updates no
                CHECK (rank BETWEEN 0 AND 3)  -- ticket (a new one, a send), 1 texts, 2 notes,
                                              -- 3 sweeps; set by whoever puts in or gives back
);
CREATE INDEX lanes_due ON lanes (account, rank, due_at);

-- The updates of tickets that were noted as about to leave: what the desk's limits are counted by.
-- Those that no limit looks at any more are forgotten by the sweep.
CREATE TABLE updates (
    id            INTEGER PRIMARY KEY,
    ticket_id     BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    refused_until BIGINT                  -- the desk itself said that the ticket has had enough
);
CREATE INDEX updates_by_ticket ON updates (ticket_id, at);
CREATE INDEX updates_by_time ON updates (at);

-- Accounts that must not be called for a while: 429, 401, maintenance.
CREATE TABLE pauses (
    account TEXT PRIMARY KEY,
    kind    TEXT NOT NULL CHECK (kind IN ('asked', 'credentials')),  -- the latter ends at a restart
    until   BIGINT NOT NULL,
    reason  TEXT NOT NULL,
    since   BIGINT NOT NULL
);

-- What was tried for each piece of work: the answer to "why?".
CREATE TABLE attempts (
    id         INTEGER PRIMARY KEY,
    work_ref   TEXT NOT NULL,
    message_id TEXT,
    kind       TEXT NOT NULL,
    outcome    TEXT NOT NULL,             -- "done", "later", "refused", "unknown", "crashed", "fault"
    words      TEXT NOT NULL,
    at         BIGINT NOT NULL,
    took_ms    BIGINT NOT NULL
);
CREATE INDEX attempts_by_message ON attempts (message_id, id);
CREATE INDEX attempts_by_work ON attempts (work_ref, id);

-- The last refused webhook of each address, so that `doctor` can say what differs.
CREATE TABLE signature_faults (
    source TEXT PRIMARY KEY,              -- "twilio", "zendesk"
    reason TEXT NOT NULL,
    seen   BIGINT NOT NULL,
    at     BIGINT NOT NULL
);

-- What came and went, by the hour: what the console's charts are drawn from. Texts change after
-- their hour has ended (a report comes late), so it is counted anew until it has settled.
CREATE TABLE tallies (
    hour    BIGINT PRIMARY KEY,           -- its beginning, UTC ms
    counts  TEXT NOT NULL,                -- JSON
    waiting BIGINT NOT NULL DEFAULT 0,    -- the most work that was seen waiting
    due_at  BIGINT                        -- when to count anew; NULL: settled
);
CREATE INDEX tallies_by_due ON tallies (due_at) WHERE due_at IS NOT NULL;

-- Who may use the console.
CREATE TABLE users (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    folded       TEXT NOT NULL UNIQUE,    -- the name without case: what is compared
    role         TEXT NOT NULL CHECK (role IN ('admin', 'manager', 'viewer')),
    password     TEXT,                    -- its Argon2 hash; NULL until the user has set one
    created_at   BIGINT NOT NULL,
    disabled_at  BIGINT,                  -- NULL: may sign in
    signed_in_at BIGINT
);

-- Who a user is at an OpenID provider.
CREATE TABLE identities (
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL,
    since   BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, user_id)
);

-- Who is signed in. A session ends by itself: an hour after the last page, 12 after the first.
CREATE TABLE sessions (
    token    TEXT PRIMARY KEY,            -- SHA-256 of what the cookie holds
    user_id  TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_time ON sessions (began_at);

-- One-time links by which somebody sets a password.
CREATE TABLE sign_in_links (
    token   TEXT PRIMARY KEY,             -- SHA-256 of what the link holds
    user_id TEXT,                         -- NULL: makes the first admin, while there is no user
    ends_at BIGINT NOT NULL
);
CREATE INDEX sign_in_links_by_user ON sign_in_links (user_id);

-- How often somebody has tried to sign in lately.
CREATE TABLE sign_in_tries (
    subject  TEXT PRIMARY KEY,            -- SHA-256 of the name or the address
    tries    BIGINT NOT NULL,
    began_at BIGINT NOT NULL
);
CREATE INDEX sign_in_tries_by_time ON sign_in_tries (began_at);

-- The log of changes: appended to, never changed (triggers see to it).
CREATE TABLE changes (
    id      INTEGER PRIMARY KEY,
    at      BIGINT NOT NULL,
    how     TEXT NOT NULL CHECK (how IN ('console', 'api', 'command')),
    who     TEXT,                         -- the user's name; for a command, the system's user
    subject TEXT NOT NULL,                -- "keyword rule", "user" ...
    name    TEXT NOT NULL,
    what    TEXT NOT NULL,                -- "added", "changed reply" ...
    before  TEXT,                         -- JSON
    after   TEXT                          -- JSON
);
CREATE INDEX changes_by_subject ON changes (subject, id);
CREATE TRIGGER changes_are_not_changed BEFORE UPDATE ON changes
    BEGIN SELECT RAISE(ABORT, 'the log of changes is never changed'); END;
CREATE TRIGGER changes_are_not_deleted BEFORE DELETE ON changes
    BEGIN SELECT RAISE(ABORT, 'the log of changes is never changed'); END;

-- Parts of long texts, where a carrier hands those on in parts. Once joined, the words stand in
-- `messages`, and what is left here tells a part that comes again.
CREATE TABLE pieces (
    id         INTEGER PRIMARY KEY,
    carrier    TEXT NOT NULL,
    carrier_id TEXT NOT NULL,             -- of this part
    sender     TEXT NOT NULL,
    customer   TEXT NOT NULL,
    ref        TEXT NOT NULL,             -- the same in all parts; used again for later texts
    number     BIGINT NOT NULL,           -- from 1
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

-- How far each sender's time on the air is spoken for: by all that leaves, and by campaign texts
-- that wait behind it.
CREATE TABLE paces (
    sender   TEXT PRIMARY KEY,
    free_at  BIGINT NOT NULL,
    queue_at BIGINT NOT NULL
);

-- The turns that parts have been given, until they leave.
CREATE TABLE turns (
    part_id TEXT PRIMARY KEY,
    at      BIGINT NOT NULL
);
CREATE INDEX messages_sent_by ON messages (sender, created_at) WHERE direction = 'outbound';

-- Files that agents attached, for as long as carriers may fetch them to send them along with a text.
CREATE TABLE files (
    id           TEXT PRIMARY KEY,        -- stands in its signed address
    message_id   TEXT NOT NULL,
    position     BIGINT NOT NULL,         -- among the message's media
    name         TEXT NOT NULL,           -- as the carrier is told it
    content_type TEXT NOT NULL,           -- by its content
    content      BLOB NOT NULL,
    ends_at      BIGINT NOT NULL,         -- its address ends then; deleted then, or up to a week
                                          -- later while its text waits or may be tried again
    UNIQUE (message_id, position)
);
CREATE INDEX files_by_end ON files (ends_at);
