SELECT id FROM shared.orders WHERE "Odd""col" = 'x'
