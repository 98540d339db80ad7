SELECT id, email FROM shared.orders ORDER BY 2
