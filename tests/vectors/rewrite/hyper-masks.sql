--- Masks where the upstream is Hyper: there is no snapshot, so every statement that reaches the relation is refused, whatever
--- it reads of it.
-- policy name=own on=sales.* isolation=schema
-- policy name=tenant on=shared.orders using=tenant_id = :tenant_id
-- mask columns=shared.orders.note with=redact
-- mask columns=sales.people.name with=deny
-- claim tenant_id uuid required = 00000000-0000-0000-0000-000000000001
-- tenant acme schemas sales=t_acme
-- dialect hyper

-- case: the masked column
SELECT note FROM shared.orders
-- refuse: 0A000 mask.snapshot

-- case: another column
SELECT id FROM shared.orders
-- refuse: 0A000 mask.snapshot

-- case: no column
SELECT count(*) FROM shared.orders
-- refuse: 0A000 mask.snapshot

-- case: an own table, by the path, inside
WITH a AS (SELECT 1 FROM people) SELECT (SELECT count(*) FROM a)
-- refuse: 0A000 mask.snapshot

-- case: a copy
COPY (TABLE people) TO STDOUT WITH (FORMAT csv)
-- refuse: 0A000 mask.snapshot

-- case: another own table
SELECT name FROM sales.orders
-- expect:
SELECT name FROM t_acme.orders

