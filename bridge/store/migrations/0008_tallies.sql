-- What came and went, by the hour: what the console's charts are drawn from.

CREATE TABLE tallies (
    hour    BIGINT PRIMARY KEY,
    counts  TEXT NOT NULL,
    waiting BIGINT NOT NULL DEFAULT 0,
    due_at  BIGINT
);
CREATE INDEX tallies_by_due ON tallies (due_at) WHERE due_at IS NOT NULL;
