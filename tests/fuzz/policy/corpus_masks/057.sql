SELECT id FROM shared.orders ORDER BY lower(email)
