SELECT id FROM orders WHERE email = (SELECT email FROM shared.orders LIMIT 1)
