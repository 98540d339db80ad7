--- View markers ('rg.TENANT.VIEW' = 'rg.TENANT.VIEW'): one that is not this tenant's refuses the statement wherever it
--- stands, whatever the rest of it does. What only looks like one is data.
-- use standard.policy

-- case: another tenant's, in WHERE
SELECT count(*) FROM sales.orders WHERE ('rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA')
-- refuse: 42501 view.tenant

-- case: another tenant's, as Superset wraps a virtual dataset
SELECT kind AS kind, count(*) AS n FROM (SELECT kind FROM shared.orders) AS virtual_table WHERE kind <> '' AND (('rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA')) GROUP BY kind LIMIT 10
-- refuse: 42501 view.tenant

-- case: another tenant's, in a WITH item
WITH a AS (SELECT 1 AS x WHERE 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA') SELECT x FROM a
-- refuse: 42501 view.tenant

-- case: another tenant's, in the select list, never evaluated
SELECT CASE WHEN false THEN 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' END
-- refuse: 42501 view.tenant

-- case: another tenant's, in a join's condition
SELECT 1 FROM sales.orders a JOIN sales.orders b ON a.id = b.id AND 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA'
-- refuse: 42501 view.tenant

-- case: another tenant's, under EXPLAIN
EXPLAIN SELECT 1 FROM sales.orders WHERE 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA'
-- refuse: 42501 view.tenant

-- case: another tenant's, in COPY
COPY (SELECT 1 WHERE 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA') TO STDOUT
-- refuse: 42501 view.tenant

-- case: another tenant's, in a cursor
DECLARE c CURSOR FOR SELECT 1 WHERE 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA'
-- refuse: 42501 view.tenant

-- case: another tenant's, prepared
PREPARE p AS SELECT 1 WHERE 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA'
-- refuse: 42501 view.tenant

-- case: written with escapes and the operator's long name
SELECT 1 WHERE E'\x72g.globex.AAAAAAAAAAAAAAAAAAAAAA' OPERATOR(pg_catalog.=) U&'\0072g.globex.AAAAAAAAAAAAAAAAAAAAAA'
-- refuse: 42501 view.tenant

-- case: two tenants' at once
SELECT 1 WHERE 'rg.acme.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA'
-- refuse: 42501 view.tenant

-- case: the own tenant's, of another view
SELECT 1 WHERE 'rg.acme.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.acme.AAAAAAAAAAAAAAAAAAAAAA'
-- refuse: 42501 view.mismatch

-- case: of another view, in the second statement of a text
SELECT 1; SELECT 2 WHERE 'rg.acme.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.acme.AAAAAAAAAAAAAAAAAAAAAA'
-- refuse: 42501 view.mismatch

-- case: words that only begin alike
SELECT 1 WHERE 'rg.globex' = 'rg.globex' AND 'rg.' = 'rg.' AND 'rg..AAAAAAAAAAAAAAAAAAAAAA' = 'rg..AAAAAAAAAAAAAAAAAAAAAA'
-- expect:
SELECT 1 WHERE 'rg.globex' = 'rg.globex' AND 'rg.' = 'rg.' AND 'rg..AAAAAAAAAAAAAAAAAAAAAA' = 'rg..AAAAAAAAAAAAAAAAAAAAAA'

-- case: a view of another length, another alphabet, another operator
SELECT 1 WHERE 'rg.globex.AAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAA' AND 'rg.globex.AAAAAAAAAAAAAAAAAAAAA+' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAA+' AND 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' <> 'x'
-- expect:
SELECT 1 WHERE 'rg.globex.AAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAA' AND 'rg.globex.AAAAAAAAAAAAAAAAAAAAA+' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAA+' AND 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' <> 'x'

-- case: a string that holds one
SELECT '''rg.globex.AAAAAAAAAAAAAAAAAAAAAA'' = ''rg.globex.AAAAAAAAAAAAAAAAAAAAAA'''
-- expect:
SELECT '''rg.globex.AAAAAAAAAAAAAAAAAAAAAA'' = ''rg.globex.AAAAAAAAAAAAAAAAAAAAAA'''
