SELECT c.*, o.id FROM shared.orders c JOIN shared.visits o ON o.customer_id = c.id
