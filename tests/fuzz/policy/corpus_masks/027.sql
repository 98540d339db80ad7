SELECT email FROM shared.orders ORDER BY id
