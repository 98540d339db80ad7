DELETE FROM sales.customers WHERE sales.customers.vip IS TRUE
