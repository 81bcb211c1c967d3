-- How many sessions there are, kept by the statements that change it: to count the rows would take longer the more there are,
-- and each new session asks. A connection has one of 16 rows, so that new sessions seldom wait for one another.
CREATE TABLE statetemplate_counts (
    part SMALLINT PRIMARY KEY,
    established BIGINT NOT NULL,
    provisional BIGINT NOT NULL
) WITH (fillfactor = 50);

-- Nobody makes or ends a session from here until the commit.
LOCK TABLE statetemplate_sessions IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO statetemplate_counts SELECT part, 0, 0 FROM generate_series(1, 15) AS part;
INSERT INTO statetemplate_counts
    SELECT 0, count(*) FILTER (WHERE NOT provisional), count(*) FILTER (WHERE provisional) FROM statetemplate_sessions;

-- A transaction locks its sessions first and then one row here, after which it ends: no two of them wait for each other.
CREATE FUNCTION statetemplate_count() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    more_established BIGINT := 0;
    more_provisional BIGINT := 0;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        more_provisional := CASE WHEN NEW.provisional THEN 1 ELSE -1 END;
        more_established := -more_provisional;
    ELSIF TG_OP <> 'TRUNCATE' THEN
        SELECT count(*) FILTER (WHERE NOT provisional), count(*) FILTER (WHERE provisional)
            INTO more_established, more_provisional FROM changed;
    END IF;
    IF TG_OP = 'DELETE' THEN
        more_established := -more_established;
        more_provisional := -more_provisional;
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE statetemplate_counts SET established = 0, provisional = 0;
    ELSIF more_established <> 0 OR more_provisional <> 0 THEN
        UPDATE statetemplate_counts
            SET established = established + more_established, provisional = provisional + more_provisional
            WHERE part = pg_backend_pid() % 16;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER statetemplate_count_created AFTER INSERT ON statetemplate_sessions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION statetemplate_count();
CREATE TRIGGER statetemplate_count_removed AFTER DELETE ON statetemplate_sessions
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION statetemplate_count();
CREATE TRIGGER statetemplate_count_bound AFTER UPDATE OF provisional ON statetemplate_sessions
    FOR EACH ROW WHEN (OLD.provisional IS DISTINCT FROM NEW.provisional) EXECUTE FUNCTION statetemplate_count();
CREATE TRIGGER statetemplate_count_truncated AFTER TRUNCATE ON statetemplate_sessions
    FOR EACH STATEMENT EXECUTE FUNCTION statetemplate_count();
