SELECT id FROM shared.orders WHERE email LIKE 'a\'
