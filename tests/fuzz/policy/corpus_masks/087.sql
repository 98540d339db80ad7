SELECT id FROM orders WHERE email = ANY (SELECT email FROM shared.orders)
