-- How often somebody lately pushed, by person or address, so that all replicas count together: the moment at which all
-- that was pushed would have been pushed at the allowed rate. One row each, whatever the limit.
CREATE TABLE push_rates (
    subject text PRIMARY KEY CHECK (char_length(subject) <= 200),
    due_at  timestamptz NOT NULL
);

CREATE INDEX push_rates_by_age ON push_rates (due_at);
