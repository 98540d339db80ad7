SELECT * FROM shared.orders ORDER BY 4
