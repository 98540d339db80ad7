--- x <> ALL (NULL::text[]) is NULL in PostgreSQL and true in Hyper, and NOT (x = ANY (NULL::text[])) is, too. An optional
--- claim that is absent binds NULL: a policy that excludes by such a claim showed every row of the table on Hyper. Now a
--- predicate with an absent claim of an array type is false there.
-- policy name=excluded on=shared.visits using=region <> all(:blocked)
-- policy name=negated on=shared.orders using=not (region = any(:blocked))
-- policy name=here group=either on=shared.customers using=region <> all(:blocked)
-- policy name=there group=either on=shared.customers using=region = any(:regions)
-- policy name=both on=shared.notes using=region <> all(:blocked)
-- policy name=both2 on=shared.notes using=region = any(:regions)
-- claim blocked text[] = absent
-- claim regions text[] = {emea}
-- tenant acme schemas sales=t_acme
-- dialect hyper

-- case: an exclusion
SELECT id FROM shared.visits
-- expect:
SELECT id FROM (WITH rg_m AS SECURE       (SELECT * FROM shared.visits AS rg_r WHERE false) SELECT * FROM rg_m) AS visits

-- case: a negation
SELECT id FROM shared.orders
-- expect:
SELECT id FROM (WITH rg_m AS SECURE       (SELECT * FROM shared.orders AS rg_r WHERE false) SELECT * FROM rg_m) AS orders

-- case: one of two
SELECT id FROM shared.customers
-- expect:
SELECT id FROM (WITH rg_m AS SECURE       (SELECT * FROM shared.customers AS rg_r WHERE (false) OR (rg_r.region = any(ARRAY['emea']::pg_catalog.text[]))) SELECT * FROM rg_m) AS customers

-- case: both of two
SELECT id FROM shared.notes
-- expect:
SELECT id FROM (WITH rg_m AS SECURE       (SELECT * FROM shared.notes AS rg_r WHERE (false) AND (rg_r.region = any(ARRAY['emea']::pg_catalog.text[]))) SELECT * FROM rg_m) AS notes

