SELECT ARRAY(SELECT email FROM shared.orders)
