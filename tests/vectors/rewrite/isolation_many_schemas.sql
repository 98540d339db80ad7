--- Two own schemas, one of them with tables picked by name, and policies that combine.
-- policy name=own on=sales.* isolation=schema
-- policy name=leads on=marketing.leads isolation=schema
-- policy name=tenant on=shared.orders,shared.customers using=tenant_id = :tenant_id
-- policy name=region on=shared.orders using=region = any(:regions)
-- policy name=mine on=shared.customers group=seen using=owner = :who
-- policy name=public on=shared.customers group=seen using=is_public
-- policy name=globex on=shared.secret to=globex using=true
-- policy name=others on=shared.excepted except=acme using=true
-- policy name=optional on=shared.notes using=author = :nobody
-- policy name=tags on=shared.tagged using=tag = any(:no_tags)
-- policy name=archive on=sales.archive using=not hidden
-- claim tenant_id int8 = 42
-- claim regions text[] = {emea,it's "quoted",a\b}
-- claim who text = O'Brien
-- claim nobody text = absent
-- claim no_tags text[] = absent
-- tenant acme schemas marketing=t_acme_mkt,sales=t_acme

-- case: first of the path
-- relations: marketing.leads
SELECT * FROM leads
-- expect:
SELECT * FROM t_acme_mkt.leads

-- case: second of the path, when the first does not name it
-- relations: sales.orders
SELECT * FROM orders
-- expect:
SELECT * FROM t_acme.orders

-- case: both qualified
SELECT * FROM sales.leads s JOIN marketing.leads m USING (id)
-- expect:
SELECT * FROM t_acme.leads s JOIN t_acme_mkt.leads m USING (id)

-- case: not named by any policy
SELECT * FROM marketing.campaigns
-- refuse: 42501 relation.not_allowed

-- case: two policies on one relation are both kept
SELECT * FROM shared.orders
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '42'::pg_catalog.int8) AND (rg_r.region = any(ARRAY['emea', 'it''s "quoted"', 'a\b']::pg_catalog.text[]))) SELECT * FROM rg_m) AS orders

-- case: policies of one group are alternatives
SELECT * FROM shared.customers
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '42'::pg_catalog.int8) AND ((rg_r.owner = 'O''Brien'::pg_catalog.text) OR (rg_r.is_public))) SELECT * FROM rg_m) AS customers

-- case: policy for another tenant only
SELECT * FROM shared.secret
-- refuse: 42501 relation.not_allowed

-- case: policy for all but this tenant
SELECT * FROM shared.excepted
-- refuse: 42501 relation.not_allowed

-- case: absent claim binds NULL
SELECT * FROM shared.notes
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.notes AS rg_r WHERE rg_r.author = NULL::pg_catalog.text) SELECT * FROM rg_m) AS notes

-- case: empty array
SELECT * FROM shared.tagged
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.tagged AS rg_r WHERE rg_r.tag = any(NULL::pg_catalog.text[])) SELECT * FROM rg_m) AS tagged

-- case: own relation with a predicate
SELECT * FROM sales.archive
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM t_acme.archive AS rg_r WHERE not rg_r.hidden) SELECT * FROM rg_m) AS archive

