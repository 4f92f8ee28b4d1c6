-- Files that agents attached, for as long as carriers may fetch them to send them along with a text.

CREATE TABLE files (
    id           TEXT PRIMARY KEY,
    message_id   TEXT NOT NULL,
    position     BIGINT NOT NULL,
    name         TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content      BLOB NOT NULL,
    ends_at      BIGINT NOT NULL,
    UNIQUE (message_id, position)
);
CREATE INDEX files_by_end ON files (ends_at);
