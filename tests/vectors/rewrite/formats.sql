--- A predicate that no setting can move leaves SET LOCAL to the client.
-- policy name=p on=shared.orders using=tenant_id = :tenant_id AND (region = any(:regions) OR lower(region) IN (:key, :key)) AND NOT (closed) AND amount < 5
-- claim tenant_id uuid required = 00000000-0000-0000-0000-000000000001
-- claim regions text[] = {emea,apac}
-- claim key text = absent
-- tenant acme schemas sales=t_acme

-- case: a zone
SET LOCAL TimeZone = 'Europe/Rome'
-- expect:
SET LOCAL TimeZone = 'Europe/Rome'
