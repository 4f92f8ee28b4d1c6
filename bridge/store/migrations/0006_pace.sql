-- How far each sender's time on the air is spoken for, and the turns that were given out.

CREATE TABLE paces (
    sender   TEXT PRIMARY KEY,
    free_at  BIGINT NOT NULL,
    queue_at BIGINT NOT NULL
);
CREATE TABLE turns (
    part_id TEXT PRIMARY KEY,
    at      BIGINT NOT NULL
);
CREATE INDEX messages_sent_by ON messages (sender, created_at) WHERE direction = 'outbound';
