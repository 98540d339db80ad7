--- So does every call that may write a date as text.
-- policy name=p on=shared.orders using=tenant_id = :tenant_id AND concat(released) < :key
-- claim tenant_id uuid required = 00000000-0000-0000-0000-000000000001
-- claim regions text[] = {emea,apac}
-- claim key text = k
-- tenant acme schemas sales=t_acme

-- case: a zone that is a week ahead
SET LOCAL TimeZone = 'X-167'
-- refuse: 42501 setting.value
