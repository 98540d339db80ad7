SELECT id FROM shared.visits o WHERE EXISTS (SELECT c.email FROM shared.orders c WHERE c.id = o.customer_id)
