SELECT id FROM shared.orders WHERE email IN (SELECT email FROM orders)
