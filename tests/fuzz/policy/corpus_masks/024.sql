SELECT c.id FROM shared.orders c WHERE EXISTS (SELECT 1 FROM orders WHERE email = 'x' AND customer_id = c.id)
