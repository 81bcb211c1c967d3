-- How many sessions there are, kept by the statements that change it: to count the rows would take longer the more there are,
-- and each new session asks.
CREATE TABLE statetemplate_counts (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    established INTEGER NOT NULL,
    provisional INTEGER NOT NULL
);

INSERT INTO statetemplate_counts
    SELECT 1, count(*) FILTER (WHERE NOT provisional), count(*) FILTER (WHERE provisional) FROM statetemplate_sessions;

CREATE TRIGGER statetemplate_count_created AFTER INSERT ON statetemplate_sessions BEGIN
    UPDATE statetemplate_counts
        SET established = established + (NOT NEW.provisional), provisional = provisional + NEW.provisional;
END;

CREATE TRIGGER statetemplate_count_removed AFTER DELETE ON statetemplate_sessions BEGIN
    UPDATE statetemplate_counts
        SET established = established - (NOT OLD.provisional), provisional = provisional - OLD.provisional;
END;

CREATE TRIGGER statetemplate_count_bound AFTER UPDATE OF provisional ON statetemplate_sessions
WHEN OLD.provisional <> NEW.provisional BEGIN
    UPDATE statetemplate_counts
        SET established = established + (NOT NEW.provisional) - (NOT OLD.provisional),
            provisional = provisional + NEW.provisional - OLD.provisional;
END;
