SELECT id FROM shared.orders WHERE email = 'x'
