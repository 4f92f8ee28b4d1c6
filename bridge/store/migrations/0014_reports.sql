-- Texts that the carrier took and of which no final report came: it is asked what became of them.

ALTER TABLE parts ADD COLUMN asked BIGINT NOT NULL DEFAULT 0;
CREATE INDEX parts_without_end ON parts (carrier, asked, begun_at)
    WHERE state IN ('sending', 'sent') AND carrier_id IS NOT NULL;
