SELECT * FROM shared.orders c, unnest(ARRAY[c.email]) AS u
