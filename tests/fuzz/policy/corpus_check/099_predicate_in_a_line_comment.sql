SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r -- WHERE rg_r.tenant_id = 'acme'::pg_catalog.text
) SELECT * FROM rg_m) AS orders