--- leaks.md copy: COPY of a relation becomes COPY of its query; files and programs are the server's.
-- use standard.policy

-- case: relation to the client
COPY sales.orders TO STDOUT
-- expect:
COPY (SELECT * FROM t_acme.orders) TO STDOUT

-- case: shared relation to the client
COPY shared.orders TO STDOUT
-- expect:
COPY (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) TO STDOUT

-- case: columns of a shared relation
COPY shared.orders (id) TO STDOUT
-- expect:
COPY (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders ) TO STDOUT

-- case: from the client
COPY sales.orders FROM STDIN
-- refuse: 42501 statement.write

-- case: from a file
COPY sales.orders FROM '/etc/passwd'
-- refuse: 42501 statement.copy

-- case: to a file
COPY (SELECT 1) TO '/tmp/x'
-- refuse: 42501 statement.copy

-- case: to a program
COPY (SELECT 1) TO PROGRAM 'curl x'
-- refuse: 42501 statement.copy

-- case: from a program
COPY sales.orders FROM PROGRAM 'id'
-- refuse: 42501 statement.copy

-- case: of a write
COPY (DELETE FROM sales.orders RETURNING *) TO STDOUT
-- refuse: 0A000 statement.copy

-- case: with a WHERE
COPY sales.orders FROM STDIN WHERE id > 1
-- refuse: 42501 statement.copy

-- case: in another encoding
COPY (SELECT 1) TO STDOUT (ENCODING 'SJIS')
-- refuse: 0A000 statement.copy

