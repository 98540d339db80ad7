SELECT bool_and(NULL::bool), sum(amount) > 10 FROM order_items AS t1 JOIN orders regional ON t1.order_id = regional.customer_id WHERE regional.note ILIKE 'OWN%' HAVING every(false)
