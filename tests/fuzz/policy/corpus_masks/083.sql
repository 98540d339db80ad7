SELECT ARRAY[email] FROM shared.orders
