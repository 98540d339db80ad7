SELECT j.email FROM (shared.orders c JOIN visits v ON v.id = c.id) AS j (a, b, nm, email)
