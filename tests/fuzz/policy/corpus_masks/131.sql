SELECT email COLLATE "C" FROM shared.orders
