VALUES ((SELECT lower(email) FROM shared.orders LIMIT 1))
