-- When a conversation was last answered by itself: a greeting, or that nobody is there now.

ALTER TABLE conversations ADD COLUMN quiet_since BIGINT;
