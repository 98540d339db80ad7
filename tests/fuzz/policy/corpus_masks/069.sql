SELECT id, rank() OVER w FROM shared.orders WINDOW w AS (ORDER BY email)
