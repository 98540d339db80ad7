SELECT id AS email FROM shared.orders ORDER BY email
