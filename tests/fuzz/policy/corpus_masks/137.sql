SELECT c.email, o.to_json FROM shared.orders c JOIN shared.visits o ON o.customer_id = c.id
