SELECT id FROM shared.orders WHERE email IS DISTINCT FROM 'x'
