INSERT INTO sales.notes (id, body) SELECT id, lower(email) FROM shared.orders
