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
-- allow

-- case: second of the path, when the first does not name it
-- relations: sales.orders
SELECT * FROM orders
-- allow

-- case: both qualified
SELECT * FROM sales.leads s JOIN marketing.leads m USING (id)
-- allow

-- case: not named by any policy
SELECT * FROM marketing.campaigns
-- refuse: 42501

-- case: two policies on one relation are both kept
SELECT * FROM shared.orders
-- allow

-- case: policies of one group are alternatives
SELECT * FROM shared.customers
-- allow

-- case: policy for another tenant only
SELECT * FROM shared.secret
-- refuse: 42501

-- case: policy for all but this tenant
SELECT * FROM shared.excepted
-- refuse: 42501

-- case: absent claim binds NULL
SELECT * FROM shared.notes
-- allow

-- case: empty array
SELECT * FROM shared.tagged
-- allow

-- case: own relation with a predicate
SELECT * FROM sales.archive
-- allow

