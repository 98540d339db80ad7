SELECT -3.75, NULL::bool AS tenant_id, (jsonb_build_array(quantity, sku)) ->> 'who' FROM sales.order_items WHERE 'own event 3 event 3' ~ '^o.*\d$' ORDER BY 1 DESC, 2, 3
