SELECT (SELECT email FROM shared.orders LIMIT 1) || 'x'
