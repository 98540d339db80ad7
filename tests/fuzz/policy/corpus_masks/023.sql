SELECT o.id FROM shared.visits o JOIN shared.orders c ON c.id = o.customer_id WHERE o.email = 'x' ORDER BY o.email
