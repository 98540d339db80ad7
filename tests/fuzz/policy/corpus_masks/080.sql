SELECT email::varchar FROM shared.orders
