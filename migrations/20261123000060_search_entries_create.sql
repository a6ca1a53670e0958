-- One narrow row for every Executor that may be shown, in the orders in which lists and searches read it: a page, however
-- deep and however large the Hub, is a walk along one index. Kept by triggers, so that no code can forget it; deleting or
-- hiding an Executor takes its row away or out of everybody's sight in the same statement.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE search_entries (
    executor_id text PRIMARY KEY REFERENCES executors ON DELETE CASCADE,
    owner_id    uuid,
    is_public   boolean NOT NULL,
    -- Lower case; the handle where there is no name. Compared byte by byte, so that one index serves order and prefixes.
    name_key    text COLLATE "C" NOT NULL,
    -- Its keywords in lower case: what filters look for.
    keyword_keys text[] NOT NULL,
    pushed_at   timestamptz NOT NULL,
    -- Pulls of the last seven days, today included, as of their last counting.
    pulled      integer NOT NULL DEFAULT 0 CHECK (pulled >= 0),
    -- Its magnitude: among results that fit equally well, those pulled much more come first, then the newest.
    popularity  smallint NOT NULL GENERATED ALWAYS AS (
        CASE WHEN pulled = 0 THEN 0 ELSE floor(log(2::numeric, pulled::numeric))::smallint + 1 END) STORED,
    -- Words of name and keywords; and those with the words of description, readme and arguments.
    head        tsvector NOT NULL,
    body        tsvector NOT NULL
);

CREATE INDEX search_entries_recent ON search_entries (pushed_at DESC, executor_id DESC);
CREATE INDEX search_entries_trending ON search_entries (pulled DESC, pushed_at DESC, executor_id DESC);
CREATE INDEX search_entries_name ON search_entries (name_key, executor_id);
CREATE INDEX search_entries_best ON search_entries (popularity DESC, pushed_at DESC, executor_id DESC);
CREATE INDEX search_entries_of_owner ON search_entries (owner_id, pushed_at DESC, executor_id DESC);
-- Without a list of pending words: a search would read all of it, and pushes are rare beside searches.
CREATE INDEX search_entries_keywords ON search_entries USING gin (keyword_keys) WITH (fastupdate = off);
CREATE INDEX search_entries_head ON search_entries USING gin (head) WITH (fastupdate = off);
CREATE INDEX search_entries_body ON search_entries USING gin (body) WITH (fastupdate = off);

-- Words of what is public, for queries with a slip of the finger; no serial numbers and file names, which would be most of
-- them on a large Hub and which nobody guesses. Words are only added: a word that nobody uses any more finds nothing.
CREATE TABLE search_words (
    word text PRIMARY KEY CHECK (char_length(word) BETWEEN 3 AND 64)
);

CREATE INDEX search_words_alike ON search_words USING gin (word gin_trgm_ops) WITH (fastupdate = off);

-- Words as people look for them: `CLIPImageEncoder_v2` is found by each of its parts and by itself.
CREATE FUNCTION search_text_of_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT name || ' ' || regexp_replace(
        regexp_replace(name, '([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])', '\1\3 \2\4', 'g'), '[._-]+', ' ', 'g')
$$;

CREATE FUNCTION search_head(name text, package jsonb) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('english', left(concat_ws(' ', search_text_of_name(name), package ->> 'keywords'), 20000))
$$;

-- What a package says of itself, as far as it can matter: a tsvector has its bounds, and a row should stay a row.
CREATE FUNCTION search_body(package jsonb) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('english', left(concat_ws(' ', left(package ->> 'description', 5000),
        search_text_of_name(package #>> '{executor,name}'), left(package #>> '{executor,docstring}', 5000),
        jsonb_path_query_array(package, '$.executor.init.parameters[*].name')::text,
        jsonb_path_query_array(package, '$.executor.endpoints[*].on[*]')::text, package ->> 'readme'), 40000))
$$;

-- Writes the rows of these Executors from what is true of them now.
CREATE FUNCTION search_entries_write(executors text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO search_entries (executor_id, owner_id, is_public, name_key, keyword_keys, pushed_at, head, body)
    SELECT e.id, e.owner_id, e.visibility = 'public', coalesce(e.name_key, e.id),
           ARRAY(SELECT lower(keyword) FROM jsonb_array_elements_text(
               CASE WHEN jsonb_typeof(c.package -> 'keywords') = 'array' THEN c.package -> 'keywords' ELSE '[]' END) keyword),
           e.last_pushed_at, h.head, h.head || search_body(c.package)
    FROM executors e
    LEFT JOIN LATERAL (SELECT package FROM commits WHERE executor_id = e.id AND usable_at IS NOT NULL AND deleted_at IS NULL
                       ORDER BY created_at DESC, id DESC LIMIT 1) c ON true
    CROSS JOIN LATERAL (SELECT search_head(coalesce(e.name, e.id), c.package) AS head OFFSET 0) h
    WHERE e.id = ANY($1) AND e.last_pushed_at IS NOT NULL AND e.discarded_at IS NULL
    ON CONFLICT (executor_id) DO UPDATE
    SET owner_id = excluded.owner_id, is_public = excluded.is_public, name_key = excluded.name_key,
        keyword_keys = excluded.keyword_keys, pushed_at = excluded.pushed_at, head = excluded.head, body = excluded.body;

    -- In their order: two pushes that add the same words wait for each other instead of dying of each other.
    INSERT INTO search_words (word)
    SELECT DISTINCT word FROM search_entries s, unnest(tsvector_to_array(s.head)) word
    WHERE s.executor_id = ANY($1) AND s.is_public AND char_length(word) BETWEEN 3 AND 64 AND word !~ '[0-9./:@_-]'
    ORDER BY word
    ON CONFLICT DO NOTHING;
$$;

CREATE FUNCTION search_entries_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.last_pushed_at IS NULL OR NEW.discarded_at IS NOT NULL THEN
        DELETE FROM search_entries WHERE executor_id = NEW.id;
    ELSE
        PERFORM search_entries_write(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER search_entries_follow
    AFTER INSERT OR UPDATE OF owner_id, name, visibility, last_pushed_at, discarded_at ON executors
    FOR EACH ROW EXECUTE FUNCTION search_entries_follow();

SELECT search_entries_write(ARRAY(SELECT id FROM executors));
