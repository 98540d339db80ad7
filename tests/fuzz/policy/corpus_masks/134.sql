SELECT id FROM shared.orders WHERE 'x' BETWEEN email AND 'y'
