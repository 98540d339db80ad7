--- A literal without a type may be a day: 'tomorrow' begins when the client's zone says so.
-- policy name=p on=shared.orders using=tenant_id = :tenant_id AND released < 'tomorrow'
-- claim tenant_id uuid required = 00000000-0000-0000-0000-000000000001
-- claim regions text[] = {emea,apac}
-- claim key text = k
-- tenant acme schemas sales=t_acme

-- case: a zone that is a week ahead
SET LOCAL TimeZone = 'X-167'
-- refuse: 42501 setting.value
