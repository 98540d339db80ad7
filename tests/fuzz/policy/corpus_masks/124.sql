SELECT id FROM shared.orders WHERE email > '5'
