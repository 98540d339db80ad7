--- Whole rows: a relation in its sub-select still has its alias, so a whole row is the tenant's row.
-- use standard.policy

-- case: whole row
SELECT o FROM shared.orders o
-- allow

-- case: whole row without an alias
SELECT orders FROM shared.orders
-- allow

-- case: whole row of an own relation
SELECT orders FROM sales.orders
-- allow

-- case: star of an alias
SELECT o.* FROM shared.orders o
-- allow

-- case: ROW of a star
SELECT ROW(o.*) FROM shared.orders o
-- allow

-- case: to_jsonb of a row
SELECT to_jsonb(o) FROM shared.orders o
-- allow

-- case: row_to_json of a sub-select
SELECT row_to_json(s) FROM (SELECT id, total FROM shared.orders) s
-- allow

-- case: json_agg of a row
SELECT json_agg(o) FROM shared.orders o
-- allow

-- case: count of a row
SELECT count(o) FROM shared.orders o
-- allow

-- case: row IS NULL
SELECT c.id FROM sales.a c LEFT JOIN shared.orders o ON o.id = c.id WHERE o IS NULL
-- allow

-- case: field of a row
SELECT (o).id FROM shared.orders o
-- allow

-- case: all fields of a row
SELECT (o).* FROM shared.orders o
-- allow

-- case: rows compared
SELECT 1 FROM shared.orders a, shared.orders b WHERE a = b
-- allow

