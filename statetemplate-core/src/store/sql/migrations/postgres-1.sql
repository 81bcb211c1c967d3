-- One row for each session. `record` holds all of it, in the form of SessionRecord::to_bytes; the columns before it are what
-- is asked for, and the times that move without the record being written again. Times are milliseconds since 1970 UTC.
-- Names compare by their bytes: what is equal must not depend on a locale. Users are found by hash, since theirs have any
-- length, which other indexes limit.
CREATE TABLE statetemplate_sessions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C",
    app_user TEXT COLLATE "C",
    provisional BOOLEAN NOT NULL,
    epoch BIGINT NOT NULL,
    writes BIGINT NOT NULL,
    last_access BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    absolute_expiry BIGINT NOT NULL,
    connected_until BIGINT NOT NULL,
    deadline BIGINT NOT NULL GENERATED ALWAYS AS (least(expires_at, absolute_expiry)) STORED,
    idle_since BIGINT NOT NULL GENERATED ALWAYS AS (greatest(last_access, connected_until)) STORED,
    record BYTEA NOT NULL
);
CREATE INDEX statetemplate_sessions_deadline ON statetemplate_sessions (deadline, id);
CREATE INDEX statetemplate_sessions_idle ON statetemplate_sessions (provisional, idle_since, id);
CREATE INDEX statetemplate_sessions_owner ON statetemplate_sessions (owner) WHERE owner IS NOT NULL;
CREATE INDEX statetemplate_sessions_user ON statetemplate_sessions USING hash (app_user) WHERE app_user IS NOT NULL;
-- At most one row: until when one node removes expired sessions and the others leave it to that one.
CREATE TABLE statetemplate_cleaning (
    one BOOLEAN NOT NULL PRIMARY KEY CHECK (one),
    until BIGINT NOT NULL
);
