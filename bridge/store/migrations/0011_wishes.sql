-- Fields that keyword rules set, and wishes to stop that a person has to decide.

ALTER TABLE contacts ADD COLUMN fields TEXT NOT NULL DEFAULT '{}';
ALTER TABLE contacts ADD COLUMN stop_wish TEXT;
CREATE INDEX contacts_by_wish ON contacts (address) WHERE stop_wish IS NOT NULL;
