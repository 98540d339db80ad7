--- A predicate that compares a date with now() was answered in the client's own time zone, which may lie 167 hours away:
--- rows under an embargo came a week early.
-- policy name=released on=shared.orders using=tenant_id = :tenant_id AND released <= now()
-- claim tenant_id uuid required = 00000000-0000-0000-0000-000000000001
-- tenant acme schemas sales=t_acme

-- case: a zone that is a week ahead
SET LOCAL TimeZone = 'X-167'
-- refuse: 42501 setting.value

-- case: the order of a date's parts
SET LOCAL DateStyle = 'SQL, DMY'
-- refuse: 42501 setting.value

-- case: what it is anyway
SET LOCAL TimeZone = 'UTC'
-- expect:
SET standard_conforming_strings = on

-- case: the rows
SELECT id FROM shared.orders
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid AND rg_r.released <= pg_catalog.now()) SELECT * FROM rg_m) AS orders

