SELECT upper(max(orders.code)), max(note), avg(orders.id) FROM orders WHERE (ARRAY[]::text[])[1:2] && '{l1,all}'::text[]
