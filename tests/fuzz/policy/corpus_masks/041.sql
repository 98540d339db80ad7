SELECT id FROM shared.orders WHERE orders.email > 'm'
