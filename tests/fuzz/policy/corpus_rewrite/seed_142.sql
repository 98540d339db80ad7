SELECT array_agg(t1.code ORDER BY t1.code) FROM shared.plain AS t1, shared.orders AS q WHERE note NOT LIKE '%t 3\' HAVING max(7) = min(t1.id)
