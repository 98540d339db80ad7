--- leaks.md leaky_predicate: allowed, and harmless, because no expression of the caller's runs below the fence.
-- use standard.policy

-- case: LIKE with a trailing escape
SELECT 1 FROM shared.orders WHERE note LIKE 'GLOBEX\'
-- allow

-- case: LIKE ANY
SELECT 1 FROM shared.orders WHERE note LIKE ANY (ARRAY['x\'])
-- allow

-- case: division by zero
SELECT 1 FROM shared.orders WHERE 1 / (amount - 66600005) > 0
-- allow

-- case: cast that fails
SELECT 1 FROM shared.orders WHERE note::int = 1
-- allow

-- case: JSON path
SELECT 1 FROM shared.orders WHERE jsonb_path_exists(payload, '$ ? (@.ms == 66600005).page.double()')
-- allow

-- case: in HAVING
SELECT note FROM shared.orders GROUP BY note HAVING note LIKE 'x\'
-- allow

-- case: in JOIN ON
SELECT 1 FROM sales.a JOIN shared.orders o ON o.note LIKE 'x\'
-- allow

-- case: above UNION ALL
SELECT * FROM (SELECT note FROM shared.orders UNION ALL SELECT note FROM sales.a) u WHERE note LIKE 'x\'
-- allow

-- case: above DISTINCT
SELECT * FROM (SELECT DISTINCT note FROM shared.orders) d WHERE note::int = 1
-- allow

-- case: on a caller's inlined item
WITH w AS NOT MATERIALIZED (SELECT * FROM shared.orders) SELECT 1 FROM w WHERE note LIKE 'x\'
-- allow

-- case: with a caller's materialized item
WITH w AS MATERIALIZED (SELECT * FROM shared.orders WHERE note LIKE 'x\') SELECT 1 FROM w
-- allow

-- case: XMLPARSE
SELECT 1 FROM shared.orders WHERE xmlparse(DOCUMENT note) IS NOT NULL
-- allow

