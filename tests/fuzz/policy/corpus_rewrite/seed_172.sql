SELECT every(true) FROM sales.order_items WHERE 1.25 >= ALL (SELECT e.rate FROM shared.plain AS e)
