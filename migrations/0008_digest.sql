-- What the rows of the vitals come to, in 32 hexadecimal digits: the digest of all of them after the last tick.
--
-- It is written with the rows it is of. An engine that was restored from a checkpoint compares it with its
-- own instead of reading every row, and an audit that reads them compares them with it. NULL: not known yet.

alter table progress add column digest text check (digest ~ '^[0-9a-f]{32}$');
