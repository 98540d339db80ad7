SELECT c.id FROM shared.orders c JOIN shared.visits o ON o.email = c.email
