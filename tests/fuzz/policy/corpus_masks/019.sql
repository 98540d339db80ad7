SELECT o.id, (SELECT email FROM shared.orders c WHERE c.id = o.customer_id) FROM orders o
