UPDATE sales.a SET y = x WHERE id = 1 RETURNING y
