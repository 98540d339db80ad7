SELECT max(("a b".v0)) FROM (VALUES (3, 1e2)) AS "a b" (v0, v1) WHERE (timestamptz '2026-01-05 00:00Z') < (timestamptz '2026-01-05 00:00Z')
