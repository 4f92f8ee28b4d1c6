-- Tickets that work which was set aside may have opened: looked for before another is opened.

CREATE INDEX work_in_doubt ON work (lane) WHERE state = 'failed' AND intent IS NOT NULL;
