-- Whom an entry of a tenant's log concerns, so that the log of one person can be read.
--
-- A person is named by `person`, or by the `sub` of a token that was issued for one. What a machine is issued
-- (`seccft`), which is most of a log, is not looked into: its `sub` is the application. Reading JSON fails on an escaped
-- NUL, which would halt the feed at that event: one that has it concerns nobody.
--
-- While the index is made on what is there, the feed takes no more and its readers do; it catches up behind it.

CREATE INDEX feed_person ON feed (
    tenant,
    (CASE WHEN strpos(data::text, '\u0000') = 0 THEN coalesce(data->>'person', data->>'sub') END),
    pos
)
WHERE code <> 'seccft'
  AND CASE WHEN strpos(data::text, '\u0000') = 0 THEN coalesce(data->>'person', data->>'sub') END IS NOT NULL;
COMMENT ON INDEX feed_person IS 'Of one person.';
