SELECT id FROM shared.orders c WHERE EXISTS (SELECT 1 FROM shared.visits o WHERE o.email = c.email)
