SELECT email || 'x' FROM shared.orders
