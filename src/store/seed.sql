-- Functions of one session that make rows as years of pushes leave them. Everything follows from an Executor's number, so
-- that two runs make the same.

CREATE FUNCTION pg_temp.chance(i bigint, what bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashint8extended(i, what) & 4294967295)::float8 / 4294967296
$$;

-- Five thousand words, the first ones common and the last ones rare, as in any language.
CREATE FUNCTION pg_temp.word(chance float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN rank <= 60 THEN ('{data,model,document,text,image,vector,request,server,docs,index,encoder,clip,search,
            batch,embedding,query,default,device,path,language,string,torch,audio,video,match,score,rank,filter,cache,
            token,graph,table,chunk,length,layer,sentence,neural,pretrained,transformer,store,memory,local,remote,gpu,
            cpu,shape,tensor,numpy,array,field,schema,flow,client,endpoint,parameter,version,example,hnsw,postgres,
            license}'::text[])[rank] ELSE 'w' || substr(md5(rank::text), 1, 6) END
    FROM (SELECT 1 + floor(5000 ^ chance - 1)::int AS rank) r
$$;

CREATE FUNCTION pg_temp.words(i bigint, from_word int, to_word int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(pg_temp.word(pg_temp.chance(i, k)), ' ') FROM generate_series(from_word, to_word) k
$$;

CREATE FUNCTION pg_temp.seed_people(people bigint, at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO users (id, login, display_name, role, created_at)
    SELECT md5('person ' || i)::uuid, 'seed-' || i, 'Person ' || i, 'member', at FROM generate_series(1, people) i
    ON CONFLICT DO NOTHING
$$;

-- Few people have many, few Executors get most pulls, one in twenty is private, one in thirty has no owner.
CREATE FUNCTION pg_temp.seed_executors(first bigint, last bigint, tags int, people bigint, at timestamptz)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO executors (id, owner_id, name, holds_bare_name, visibility, secret_hash, created_at, last_pushed_at)
    SELECT 's' || lpad(i::text, 7, '0'),
           CASE WHEN i % 30 <> 0 THEN
               md5('person ' || 1 + floor(people::float8 ^ pg_temp.chance(i, 101) - 1)::bigint)::uuid END,
           ('{Image,Text,Audio,Video,Clip,Doc,Graph,Table,Code,Face}'::text[])[1 + i % 10]
               || ('{Knn,Encoder,Indexer,Ranker,Reader,Segmenter,Crafter,Classifier,Loader,Store}'::text[])[1 + i / 10 % 10] || i,
           true, CASE WHEN i % 20 = 0 THEN 'private' ELSE 'public' END, CASE WHEN i % 30 = 0 THEN 'none' END,
           at - interval '2 years', at - interval '2 years' * pg_temp.chance(i, 102)
    FROM generate_series(first, last) i;

    INSERT INTO commits (id, executor_id, package_sha256, package_md5, package_size, content_sha256, package,
                         requested_tags, requested_protected_tags, build_env_names, platforms, client, created_at, usable_at)
    SELECT md5('commit ' || i)::uuid, 's' || lpad(i::text, 7, '0'), sha256(i::text::bytea), decode(md5(i::text), 'hex'),
           1000 + i, sha256(i::text::bytea),
           jsonb_build_object(
               'description', initcap(pg_temp.words(i, 1, 5)) || '.', 'readme', '# Readme' || E'\n\n' || pg_temp.words(i, 6, 15),
               'keywords', jsonb_build_array(pg_temp.word(pg_temp.chance(i, 103)), pg_temp.word(pg_temp.chance(i, 104))),
               'executor', jsonb_build_object('name', 'Seeded', 'parsed', true)),
           '{latest}', '{}', '{}', '{}', '{}', at - interval '2 years' * pg_temp.chance(i, 102),
           at - interval '2 years' * pg_temp.chance(i, 102)
    FROM generate_series(first, last) i;

    INSERT INTO tags (executor_id, name, commit_id, is_protected, moved_at)
    SELECT 's' || lpad(i::text, 7, '0'), CASE WHEN k = 1 THEN 'latest' ELSE 'v' || k - 1 END, md5('commit ' || i)::uuid, false,
           at - interval '2 years' * pg_temp.chance(i, 102)
    FROM generate_series(first, last) i, generate_series(1, tags) k;

    SELECT search_entries_write(array_agg('s' || lpad(i::text, 7, '0'))) FROM generate_series(first, last) i;

    -- Nine of ten are not pulled at all in a week, the tenth from once to a million times.
    INSERT INTO executor_pulls (executor_id, day, pulls)
    SELECT 's' || lpad(i::text, 7, '0'), (at AT TIME ZONE 'UTC')::date, floor(1000000 ^ pg_temp.chance(i, 106))::bigint
    FROM generate_series(first, last) i WHERE pg_temp.chance(i, 105) < 0.1;

    UPDATE search_entries s SET pulled = p.pulls FROM generate_series(first, last) i
    JOIN executor_pulls p ON p.executor_id = 's' || lpad(i::text, 7, '0') WHERE s.executor_id = p.executor_id;
$$;
