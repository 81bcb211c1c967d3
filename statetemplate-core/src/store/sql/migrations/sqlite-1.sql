-- One row for each session. `record` holds all of it, in the form of SessionRecord::to_bytes; the columns before it are what
-- is asked for, and the times that move without the record being written again. Times are milliseconds since 1970 UTC.
-- The record comes last: SQLite reads the other columns without its pages.
CREATE TABLE statetemplate_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT,
    app_user TEXT,
    provisional INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    writes INTEGER NOT NULL,
    last_access INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    absolute_expiry INTEGER NOT NULL,
    connected_until INTEGER NOT NULL,
    deadline INTEGER NOT NULL GENERATED ALWAYS AS (min(expires_at, absolute_expiry)) VIRTUAL,
    idle_since INTEGER NOT NULL GENERATED ALWAYS AS (max(last_access, connected_until)) VIRTUAL,
    record BLOB NOT NULL
);
CREATE INDEX statetemplate_sessions_deadline ON statetemplate_sessions (deadline, id);
CREATE INDEX statetemplate_sessions_idle ON statetemplate_sessions (provisional, idle_since, id);
CREATE INDEX statetemplate_sessions_owner ON statetemplate_sessions (owner) WHERE owner IS NOT NULL;
CREATE INDEX statetemplate_sessions_user ON statetemplate_sessions (app_user) WHERE app_user IS NOT NULL;
