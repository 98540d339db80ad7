-- SPDX-License-Identifier: Apache-2.0
-- Two tenants and a shared schema. Everything that tenant acme must never see holds the word zebra; `shared.events` is
-- the only shared relation that acme may read.
CREATE ROLE zebra_owner;
CREATE SCHEMA t_acme;
CREATE SCHEMA t_acme_more;
CREATE SCHEMA t_zebra;
CREATE SCHEMA shared;
COMMENT ON SCHEMA t_acme IS 'acme''s schema';
COMMENT ON SCHEMA t_zebra IS 'zebra schema comment';
CREATE EXTENSION hstore SCHEMA t_zebra;

-- acme's own
CREATE TYPE t_acme.mood AS ENUM ('calm', 'busy');
COMMENT ON TYPE t_acme.mood IS 'acme mood';
CREATE DOMAIN t_acme.price AS numeric(12, 2) DEFAULT 1.5 CONSTRAINT price_positive CHECK (VALUE >= 0);
CREATE TYPE t_acme.pair AS (a integer, b text);
CREATE TABLE t_acme.customers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email varchar(80) NOT NULL CONSTRAINT customers_email_key UNIQUE,
    "Odd Name" text
);
CREATE TABLE t_acme.orders (
    id serial PRIMARY KEY,
    customer_id integer CONSTRAINT orders_customer_fk REFERENCES t_acme.customers ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE,
    mood t_acme.mood DEFAULT 'calm',
    moods t_acme.mood[],
    price t_acme.price,
    amount numeric(10, 2) DEFAULT 0 CONSTRAINT amount_positive CHECK (amount >= 0),
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
    extra t_zebra.hstore,
    tags text[],
    at timestamptz(3) DEFAULT now(),
    label text
);
COMMENT ON TABLE t_acme.orders IS 'acme orders';
COMMENT ON COLUMN t_acme.orders.amount IS 'acme amount';
COMMENT ON CONSTRAINT amount_positive ON t_acme.orders IS 'acme constraint';
CREATE INDEX orders_at ON t_acme.orders (at DESC) WHERE amount > 0;
CREATE INDEX orders_lower ON t_acme.orders (lower(label), id) INCLUDE (amount);
CREATE UNIQUE INDEX orders_unique ON t_acme.orders (customer_id, at);
CREATE VIEW t_acme.big_orders AS SELECT id, amount FROM t_acme.orders WHERE amount > 100;
CREATE MATERIALIZED VIEW t_acme.order_sums AS SELECT customer_id, sum(amount) AS total FROM t_acme.orders GROUP BY 1;
CREATE SEQUENCE t_acme.free_seq START 7;
CREATE TABLE t_acme.parts (id integer, at date) PARTITION BY RANGE (at);
CREATE TABLE t_acme.parts_2026 PARTITION OF t_acme.parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE t_acme_more.orders (id integer PRIMARY KEY, note text);
CREATE TABLE t_acme_more.only_more (id integer REFERENCES t_acme.customers, order_id integer REFERENCES t_acme_more.orders);

-- the shared schema
CREATE TYPE shared.plan AS ENUM ('zebra_plan', 'free');
CREATE TYPE shared.zebra_unused AS ENUM ('zebra_label');
CREATE DOMAIN shared.code AS text DEFAULT 'zebra_default' CONSTRAINT zebra_code CHECK (VALUE <> 'zebra');
CREATE TABLE shared.zebra_hidden (id integer PRIMARY KEY, zebra_column text);
CREATE TABLE shared.events (
    id bigserial PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT 'zebra_default' CONSTRAINT events_tenant CHECK (tenant_id IN ('acme', 'zebra')),
    plan shared.plan DEFAULT 'zebra_plan',
    plans shared.plan[],
    code shared.code,
    hidden_id integer CONSTRAINT zebra_fk REFERENCES shared.zebra_hidden,
    computed text GENERATED ALWAYS AS (tenant_id || 'zebra') STORED,
    note text
) WITH (autovacuum_vacuum_threshold = 4242);
ALTER TABLE shared.events ADD COLUMN later text DEFAULT 'zebra_missing';
ALTER TABLE shared.events ADD COLUMN gone t_zebra.hstore;
ALTER TABLE shared.events DROP COLUMN gone;
COMMENT ON TABLE shared.events IS 'events of everybody';
COMMENT ON TABLE shared.zebra_hidden IS 'zebra hidden comment';
CREATE INDEX events_note ON shared.events (note);
CREATE INDEX zebra_partial ON shared.events (note) WHERE tenant_id = 'zebra';
CREATE INDEX zebra_expression ON shared.events ((note || 'zebra'));
CREATE STATISTICS shared.zebra_statistics ON tenant_id, note FROM shared.events;
CREATE TABLE shared.zebra_child () INHERITS (shared.events);
ALTER TABLE shared.events ENABLE ROW LEVEL SECURITY;
CREATE POLICY zebra_policy ON shared.events USING (tenant_id = 'zebra');
INSERT INTO shared.events (tenant_id, note) SELECT 'zebra', 'zebra note' || g FROM generate_series(1, 100) g;

-- the other tenant's
CREATE TYPE t_zebra.zebra_mood AS ENUM ('zebra_calm');
CREATE DOMAIN t_zebra.zebra_domain AS integer CONSTRAINT zebra_domain_check CHECK (VALUE > 0);
CREATE TYPE t_zebra.zebra_range AS RANGE (subtype = float8);
CREATE TABLE t_zebra.zebra_orders (
    id serial PRIMARY KEY,
    zebra_identity integer GENERATED ALWAYS AS IDENTITY,
    mood t_zebra.zebra_mood DEFAULT 'zebra_calm',
    zebra_amount numeric DEFAULT 13 CONSTRAINT zebra_amount_check CHECK (zebra_amount > 0)
);
CREATE TABLE t_zebra.zebra_lines (order_id integer CONSTRAINT zebra_lines_fk REFERENCES t_zebra.zebra_orders);
COMMENT ON TABLE t_zebra.zebra_orders IS 'zebra comment';
COMMENT ON COLUMN t_zebra.zebra_orders.zebra_amount IS 'zebra column comment';
COMMENT ON TYPE t_zebra.zebra_mood IS 'zebra type comment';
COMMENT ON CONSTRAINT zebra_amount_check ON t_zebra.zebra_orders IS 'zebra constraint comment';
CREATE INDEX zebra_index ON t_zebra.zebra_orders (zebra_amount) WHERE zebra_amount > 7;
CREATE VIEW t_zebra.zebra_view AS SELECT 'zebra'::text AS zebra_text;
CREATE MATERIALIZED VIEW t_zebra.zebra_matview AS SELECT 1 AS zebra_one;
CREATE SEQUENCE t_zebra.zebra_sequence;
CREATE TABLE t_zebra.zebra_parts (zebra_id integer) PARTITION BY RANGE (zebra_id);
CREATE TABLE t_zebra.zebra_parts_1 PARTITION OF t_zebra.zebra_parts FOR VALUES FROM (1) TO (2);
CREATE FUNCTION t_zebra.zebra_function(zebra_argument integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 42 /* zebra */';
CREATE OPERATOR t_zebra.### (FUNCTION = t_zebra.zebra_function, RIGHTARG = integer);
COMMENT ON FUNCTION t_zebra.zebra_function(integer) IS 'zebra function comment';
CREATE FUNCTION t_zebra.zebra_trigger_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER zebra_trigger BEFORE INSERT ON t_zebra.zebra_orders FOR EACH ROW EXECUTE FUNCTION t_zebra.zebra_trigger_function();
CREATE RULE zebra_rule AS ON DELETE TO t_zebra.zebra_orders DO INSTEAD NOTHING;
CREATE COLLATION t_zebra.zebra_collation FROM "C";
CREATE TEXT SEARCH CONFIGURATION t_zebra.zebra_config (COPY = simple);
CREATE PUBLICATION zebra_publication FOR TABLE t_zebra.zebra_orders;
CREATE FOREIGN DATA WRAPPER zebra_wrapper;
CREATE SERVER zebra_server FOREIGN DATA WRAPPER zebra_wrapper OPTIONS (zebra_option 'zebra');
CREATE CAST (t_zebra.zebra_mood AS integer) WITH INOUT;
GRANT SELECT ON t_acme.orders, shared.events TO zebra_owner;
GRANT USAGE ON SCHEMA t_acme TO zebra_owner;
ALTER TABLE t_zebra.zebra_orders OWNER TO zebra_owner;
COMMENT ON ROLE zebra_owner IS 'zebra role comment';
ALTER ROLE zebra_owner SET application_name = 'zebra_setting';
-- a key of acme's own that points where acme must not look
CREATE TABLE t_acme.audit_links (id integer CONSTRAINT links_to_zebra REFERENCES shared.zebra_hidden);
ANALYZE;
