SELECT id FROM orders WHERE email IN (SELECT email FROM shared.orders)
