--- Relations that are not what a schema's row takes them for: views of others' rows, children, parents. One text for all.
-- use fenced.policy

-- case: own table
SELECT id FROM sales.deals
-- expect:
SELECT id FROM t_acme.deals

-- case: own view of own rows
SELECT id FROM sales.v_own
-- expect:
SELECT id FROM t_acme.v_own

-- case: own view of own views
SELECT id FROM sales.v_chain_own
-- expect:
SELECT id FROM t_acme.v_chain_own

-- case: own partitioned table
SELECT k FROM sales.days
-- expect:
SELECT k FROM t_acme.days

-- case: own partition
SELECT k FROM sales.days_1
-- expect:
SELECT k FROM t_acme.days_1

-- case: view of a shared relation
SELECT id FROM sales.v_shared
-- refuse: 42501 relation.not_allowed

-- case: view of a view of a shared relation
SELECT id FROM sales.v_chain
-- refuse: 42501 relation.not_allowed

-- case: view of another tenant's relation
SELECT amount FROM sales.v_globex
-- refuse: 42501 relation.not_allowed

-- case: view of an own relation that has a predicate
SELECT id FROM sales.v_archive
-- refuse: 42501 relation.not_allowed

-- case: view of the catalogue
SELECT rolpassword FROM sales.v_catalogue
-- refuse: 42501 relation.not_allowed

-- case: view that calls a function
SELECT x FROM sales.v_function
-- refuse: 42501 relation.not_allowed

-- case: materialized view of a shared relation
SELECT id FROM sales.m_shared
-- refuse: 42501 relation.not_allowed

-- case: foreign table
SELECT id FROM sales.far
-- refuse: 42501 relation.not_allowed

-- case: a view that a policy names
SELECT id FROM sales.v_named
-- expect:
SELECT id FROM t_acme.v_named

-- case: a relation with a predicate
SELECT id FROM sales.archive
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM t_acme.archive AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS archive

-- case: child of a relation with a predicate
SELECT id FROM sales.archive_old
-- refuse: 42501 relation.not_allowed

-- case: child of another tenant's relation
SELECT id FROM sales.stolen
-- refuse: 42501 relation.not_allowed

-- case: parent of another tenant's relation
SELECT id FROM sales.base
-- refuse: 42501 relation.not_allowed

-- case: a relation that is not known
SELECT id FROM sales.nothing
-- refuse: 42501 relation.not_allowed

-- case: a fenced relation that is not known
SELECT id FROM shared.unknown
-- refuse: 42501 relation.not_allowed

-- case: a fenced relation that exists and no policy names
SELECT id FROM shared.child
-- refuse: 42501 relation.not_allowed

-- case: by the search path
SELECT id FROM v_shared
-- refuse: 42501 relation.not_allowed

-- case: in a sub-query
SELECT 1 WHERE EXISTS (SELECT 1 FROM sales.v_shared)
-- refuse: 42501 relation.not_allowed

-- case: as a sample
SELECT id FROM sales.base TABLESAMPLE bernoulli (10)
-- refuse: 42501 relation.not_allowed

-- case: COPY
COPY sales.v_shared TO STDOUT
-- refuse: 42501 relation.not_allowed

-- case: EXPLAIN
EXPLAIN SELECT id FROM sales.v_shared
-- refuse: 42501 relation.not_allowed

