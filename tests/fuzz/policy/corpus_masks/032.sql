INSERT INTO sales.notes (id, body) SELECT id, email FROM shared.orders
