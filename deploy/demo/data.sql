-- SPDX-License-Identifier: Apache-2.0
-- The demo's data: three tenants with the same tables in a schema of their own, and one shared table with a
-- tenant_id column. About 180,000 rows, the same on every machine: arithmetic on a counter, no randomness.
-- Run by scripts/quickstart as the superuser in the empty database "demo".
\set ON_ERROR_STOP on
BEGIN;

CREATE PROCEDURE pg_temp.make_tenant(tenant text, customer text, order_count int, seed int, products text[])
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', tenant);
    EXECUTE format('SET LOCAL search_path = %I', tenant);
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, region text NOT NULL, since date NOT NULL);
    CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, ordered_on date NOT NULL,
                         status text NOT NULL, amount numeric(10, 2) NOT NULL DEFAULT 0);
    CREATE TABLE order_items (order_id int NOT NULL REFERENCES orders, line int NOT NULL, product text NOT NULL,
                              quantity int NOT NULL, price numeric(8, 2) NOT NULL, PRIMARY KEY (order_id, line));
    INSERT INTO customers
        SELECT n, customer || ' ' || n, (ARRAY['north', 'south', 'east', 'west'])[1 + n % 4], date '2020-01-01' + n % 1500
        FROM generate_series(1, order_count / 10) AS n;
    INSERT INTO orders
        SELECT n, 1 + n * 7919::bigint % (order_count / 10), date '2025-01-01' + (n * 37) % 600,
               (ARRAY['open', 'paid', 'paid', 'shipped', 'returned'])[1 + n % 5]
        FROM generate_series(1, order_count) AS n;
    INSERT INTO order_items
        SELECT n, line, products[1 + (n + line * line) % cardinality(products)], 1 + (n * 13 + line * 5 + seed) % 9,
               5 + (n * 7907::bigint + line * 104729 + seed) % 49500 / 100.0
        FROM generate_series(1, order_count) AS n, generate_series(1, 3) AS line;
    UPDATE orders SET amount = total
        FROM (SELECT order_id, sum(quantity * price) AS total FROM order_items GROUP BY order_id) AS items
        WHERE items.order_id = orders.id;
    CREATE INDEX ON orders (customer_id);
    CREATE INDEX ON orders (ordered_on);
    SET LOCAL search_path = pg_catalog;
END $$;

CALL pg_temp.make_tenant('t_acme', 'Harbour Works', 20000, 0, ARRAY['anvil', 'crane', 'winch', 'rope']);
CALL pg_temp.make_tenant('t_globex', 'Valley Clinic', 12000, 17011, ARRAY['gauze', 'saline', 'syringe', 'ointment', 'splint']);
CALL pg_temp.make_tenant('t_demo', 'Corner Shop', 500, 31013, ARRAY['paper', 'ink', 'stamps']);

CREATE SCHEMA shared;
CREATE TABLE shared.events (id int PRIMARY KEY, tenant_id text NOT NULL, at timestamptz NOT NULL, kind text NOT NULL,
                            actor text NOT NULL, note text);
INSERT INTO shared.events
    SELECT n, (ARRAY['acme', 'globex', 'acme', 'demo', 'globex', 'acme'])[1 + n % 6],
           timestamptz '2026-01-01 00:00:00+00' + n * interval '7 minutes',
           (ARRAY['login', 'export', 'view', 'view', 'share'])[1 + n % 5], 'user' || n % 50,
           CASE WHEN n % 10 = 0 THEN 'event ' || n END
    FROM generate_series(1, 48000) AS n;
CREATE INDEX ON shared.events (tenant_id, at);

-- rowgate's login: it owns nothing, may change nothing, and is no superuser.
CREATE ROLE rowgate LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;
ALTER ROLE rowgate PASSWORD :'verifier';
ALTER ROLE rowgate SET search_path = pg_catalog;
REVOKE ALL ON DATABASE demo FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE demo TO rowgate;
GRANT USAGE ON SCHEMA t_acme, t_globex, t_demo, shared TO rowgate;
GRANT SELECT ON ALL TABLES IN SCHEMA t_acme, t_globex, t_demo, shared TO rowgate;
COMMIT;
VACUUM ANALYZE;
