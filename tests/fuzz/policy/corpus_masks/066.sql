SELECT 'x' UNION ALL (SELECT email FROM shared.orders UNION SELECT 'y')
