SELECT DISTINCT ON (email) id FROM shared.orders
